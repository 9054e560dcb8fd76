// Reads what a platform must keep: topics, records, committed offsets, functions, mappings.
import {
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import type { Kafka } from '../../common/kafka-client.ts'

export interface PlatformState {
  /** Ends by topic and partition; empty partitions are left out. */
  readonly topics: Readonly<Record<string, readonly string[]>>
  /** Committed offsets by group and partition; each topic has a group of its name. */
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly functions: readonly string[]
  readonly mappings: readonly string[]
}

export async function readState(kafka: Kafka, client: LambdaClient): Promise<PlatformState> {
  const admin = kafka.admin()
  await admin.connect()
  const topics: Record<string, readonly string[]> = {}
  const groups: Record<string, readonly string[]> = {}
  for (const topic of (await admin.listTopics()).filter((name) => !name.startsWith('__'))) {
    const ends = await admin.fetchTopicOffsets(topic)
    topics[topic] = ends
      .filter(({ high }) => high !== '0')
      .map(({ partition, high }) => `${partition}: ${high}`)
      .toSorted()
    const committed = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
    groups[topic] = committed
      .flatMap(({ partitions }) => partitions)
      // What a partition without a commit is answered.
      .filter(({ offset }) => offset !== '-1')
      .map(({ partition, offset }) => `${partition}: ${offset}`)
      .toSorted()
  }
  await admin.disconnect()
  const { Functions = [] } = await client.send(new ListFunctionsCommand({}))
  const mappings = await client.send(new ListEventSourceMappingsCommand({}))
  return {
    topics,
    groups,
    functions: Functions.map((f) => `${f.FunctionName} ${f.CodeSha256} ${f.RevisionId}`).toSorted(),
    mappings: (mappings.EventSourceMappings ?? [])
      .map((m) => `${m.UUID} ${m.State} ${m.FunctionArn} ${m.BatchSize}`)
      .toSorted(),
  }
}

/** The values of every record of a topic, read by a consumer of its own. */
export async function readValues(kafka: Kafka, topic: string): Promise<ReadonlySet<string>> {
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const values = new Set<string>()
  const missing = new Set(ends.filter(({ high, low }) => high !== low).map((end) => end.partition))
  const consumer = kafka.consumer({ groupId: `reader-${performance.now()}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    const handle = async (partition: number, offset: string, value: string): Promise<void> => {
      values.add(value)
      const end = ends.find((of) => of.partition === partition)
      if (BigInt(offset) + 1n >= BigInt(end?.high ?? '0')) missing.delete(partition)
      if (missing.size === 0) resolve()
    }
    if (missing.size === 0) return resolve()
    consumer
      .run({
        eachMessage: ({ partition, message }) =>
          handle(partition, message.offset, message.value?.toString() ?? ''),
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return values
}
