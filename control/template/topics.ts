// Creates the topics that a template needs on the clusters that its mappings read.
import type { BrokerAccess } from '../../common/broker-access.ts'
import { createKafka, brokerUnreachable, type Admin } from '../../common/kafka-client.ts'
import type { Logger } from '../../common/logger.ts'
import type { PlannedTopic } from './plan.ts'

/** What became of one topic, and in what it differs from what was asked. */
export type TopicOutcome =
  | {
      readonly action: 'created' | 'updated' | 'unchanged'
      readonly warnings: readonly string[]
    }
  | { readonly action: 'refused'; readonly reason: string }

/** Brings topics about. `close` when all are there. */
export interface TopicCreator {
  /** Rejects with AppError BROKER_UNREACHABLE. */
  ensure(topic: PlannedTopic): Promise<TopicOutcome>
  close(): Promise<void>
}

export interface KafkaTopicsOptions {
  /** The platform's own cluster, for topics that name no other. */
  readonly brokers: readonly string[]
  /** How to get into it. */
  readonly access?: BrokerAccess | undefined
  readonly logger: Logger
  /** Makes the client of a cluster; kafkajs's unless a test has another. */
  readonly connect?: (brokers: readonly string[]) => Promise<TopicAdmin>
}

/** What is needed of kafkajs's Admin. */
export interface TopicAdmin extends Pick<
  Admin,
  'createPartitions' | 'createTopics' | 'disconnect' | 'fetchTopicMetadata'
> {
  describeConfigs(request: {
    resources: { type: number; name: string; configNames: string[] }[]
    includeSynonyms: boolean
  }): Promise<{
    resources: { configEntries: { configName: string; configValue: string }[] }[]
  }>
}

// kafkajs: ConfigResourceTypes.TOPIC; its enum would have to be loaded for one number.
const topicResource = 2

/** Topics by kafkajs's admin client; one connection per cluster, made when it is first needed. */
export class KafkaTopics implements TopicCreator {
  readonly #options: KafkaTopicsOptions
  readonly #admins = new Map<string, Promise<TopicAdmin>>()

  constructor(options: KafkaTopicsOptions) {
    this.#options = options
  }

  async ensure(topic: PlannedTopic): Promise<TopicOutcome> {
    const brokers = topic.bootstrapServers ?? this.#options.brokers
    try {
      return await ensureTopic(await this.#admin(brokers), topic)
    } catch (error) {
      const reason = refusalOf(error)
      if (reason !== undefined) return { action: 'refused', reason }
      throw brokerUnreachable(error, brokers) ?? error
    }
  }

  async close(): Promise<void> {
    const connected = await Promise.allSettled(this.#admins.values())
    this.#admins.clear()
    for (const admin of connected) {
      if (admin.status === 'fulfilled') await admin.value.disconnect()
    }
  }

  #admin(brokers: readonly string[]): Promise<TopicAdmin> {
    const key = brokers.join(',')
    const known = this.#admins.get(key)
    if (known !== undefined) return known
    const connect = this.#options.connect ?? ((servers) => this.#connect(servers))
    const admin = connect(brokers)
    this.#admins.set(key, admin)
    return admin
  }

  async #connect(brokers: readonly string[]): Promise<TopicAdmin> {
    const { logger, brokers: own } = this.#options
    const access = brokers === own ? this.#options.access : undefined
    const kafka = await createKafka({ brokers, access, clientId: 'millrace-template', logger })
    const admin = kafka.admin()
    await admin.connect()
    return admin
  }
}

async function ensureTopic(admin: TopicAdmin, topic: PlannedTopic): Promise<TopicOutcome> {
  const { name, partitions, configs } = topic
  if ((await partitionsOf(admin, name)) === undefined) {
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    // Without a number the broker's num.partitions counts.
    const numPartitions = partitions ?? -1
    const created = await admin.createTopics({
      topics: [{ topic: name, numPartitions, configEntries }],
    })
    if (created) return { action: 'created', warnings: [] }
  }
  const warnings = await configWarnings(admin, topic)
  const found = (await partitionsOf(admin, name)) ?? 0
  if (partitions === undefined || found === partitions) return { action: 'unchanged', warnings }
  if (found > partitions) {
    const warning = `topic ${name} has ${found} partitions, not ${partitions}: there is no way back`
    return { action: 'unchanged', warnings: [...warnings, warning] }
  }
  await admin.createPartitions({ topicPartitions: [{ topic: name, count: partitions }] })
  return { action: 'updated', warnings }
}

/** Undefined where there is no such topic. Asks for all of them: asking for one may create it. */
async function partitionsOf(admin: TopicAdmin, name: string): Promise<number | undefined> {
  const { topics } = await admin.fetchTopicMetadata()
  return topics.find((topic) => topic.name === name)?.partitions.length
}

async function configWarnings(
  admin: TopicAdmin,
  { name, configs }: PlannedTopic,
): Promise<readonly string[]> {
  const configNames = Object.keys(configs)
  if (configNames.length === 0) return []
  const resources = [{ type: topicResource, name, configNames }]
  try {
    const answer = await admin.describeConfigs({ resources, includeSynonyms: false })
    const entries = answer.resources[0]?.configEntries ?? []
    return configNames.flatMap((key) => {
      const found = entries.find((entry) => entry.configName === key)?.configValue
      if (found === undefined || found === configs[key]) return []
      return [`topic ${name} has ${key}=${found}, not ${configs[key]}: it is left as it is`]
    })
  } catch (error) {
    if (!isUnsupported(error)) throw error
    return []
  }
}

/** What the cluster answered, where it did: kafkajs wraps a refusal of each topic in one error. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const wrapped = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  const first: unknown = wrapped[0] ?? error
  const isAnswer = first instanceof Error && 'type' in first && 'code' in first
  return isAnswer && typeof first.type === 'string' ? `${first.message} (${first.type})` : undefined
}

/** A cluster need not know DescribeConfigs; then nothing can be said of a topic's settings. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSServerDoesNotSupportApiKey'
}
