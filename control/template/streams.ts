// Makes the streams of a template where mappings read streams, and brings their shards and retention about.
import { sleep, type Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import { streamActiveMaxMs, streamActivePollMs } from '../../common/kinesis-client-limits.ts'
import type { ConsumerSummary, StreamSummary } from '../../kinesis-client/answers.ts'
import {
  endpointOf,
  type EndpointSettings,
  type KinesisEndpoint,
} from '../../kinesis-client/endpoint.ts'
import { KinesisClient } from '../../kinesis-client/kinesis-client.ts'
import { Refusal } from '../../kinesis-client/refusal.ts'
import { registrationOf } from './deploy-consumers.ts'
import type { PlannedConsumer, PlannedStream } from './plan.ts'
import type { TopicOutcome } from './topics.ts'

/** Brings streams about. */
export interface StreamCreator {
  /** Rejects with AppError KINESIS_UNREACHABLE or KINESIS_REFUSED. */
  ensure(stream: PlannedStream): Promise<TopicOutcome>
  /** The same of a consumer of a stream that is there. */
  register(consumer: PlannedConsumer): Promise<ConsumerOutcome>
}

/** With the ARN that it was given. */
export type ConsumerOutcome =
  | { readonly action: 'created' | 'unchanged'; readonly arn: string }
  | { readonly action: 'refused'; readonly reason: string }

interface Place {
  readonly endpoint: KinesisEndpoint
  readonly region: string
}

export class KinesisStreams implements StreamCreator {
  readonly #settings: EndpointSettings
  readonly #clock: Clock

  constructor(settings: EndpointSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  async ensure(stream: PlannedStream): Promise<TopicOutcome> {
    const { endpoint, region } = this.#placeOf(stream.arn)
    if (endpoint.isAws) {
      const warning = `stream ${stream.name} is AWS's to have: whoever pays for it makes it`
      return { action: 'unchanged', warnings: [warning] }
    }
    return this.#with({ endpoint, region }, (client) => this.#ensure(stream, client))
  }

  async register(consumer: PlannedConsumer): Promise<ConsumerOutcome> {
    const { streamArn, name } = consumer
    const place = this.#placeOf(streamArn)
    return this.#with(place, async (client) => {
      const before = await client.findConsumer(streamArn, name)
      const isNew = before instanceof Refusal && before.kind === 'missing'
      if (isNew && place.endpoint.isAws) {
        return {
          action: 'refused',
          reason: "it is AWS's to have: whoever pays for it registers it",
        }
      }
      must(isNew ? await client.change('RegisterStreamConsumer', registrationOf(consumer)) : before)
      const find = async () => must(await client.findConsumer(streamArn, name))
      const { arn } = await this.#active(`consumer ${name}`, client, find)
      return { action: isNew ? 'created' : 'unchanged', arn }
    })
  }

  #placeOf(streamArn: string): Place {
    const region = parseKinesisArn(streamArn)?.region ?? ''
    return { region, endpoint: endpointOf(this.#settings, region) }
  }

  async #with<T>(
    { endpoint, region }: Place,
    work: (client: KinesisClient) => Promise<T>,
  ): Promise<T | { readonly action: 'refused'; readonly reason: string }> {
    const client = new KinesisClient({ endpoint, region, clock: this.#clock })
    try {
      return await work(client)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return { action: 'refused', reason: error.message }
    } finally {
      client.close()
    }
  }

  async #ensure(stream: PlannedStream, client: KinesisClient): Promise<TopicOutcome> {
    const before = await client.describeStream(stream.arn)
    const isNew = before instanceof Refusal && before.kind === 'missing'
    must(isNew ? await client.change('CreateStream', creationOf(stream)) : before)
    const describe = async () => must(await client.describeStream(stream.arn))
    const summary = await this.#active(`stream ${stream.name}`, client, describe)
    const changes = changesOf(stream, summary)
    for (const { operation, input } of changes) {
      must(await client.change(operation, { StreamARN: stream.arn, ...input }))
      await this.#active(`stream ${stream.name}`, client, describe)
    }
    const warnings = modeWarnings(stream, summary)
    if (isNew) return { action: 'created', warnings }
    return { action: changes.length > 0 ? 'updated' : 'unchanged', warnings }
  }

  /** Waits while it is made or changed, so long and no longer. */
  async #active<T extends StreamSummary | ConsumerSummary>(
    what: string,
    client: KinesisClient,
    describe: () => Promise<T>,
  ): Promise<T> {
    const untilMs = this.#clock.now() + streamActiveMaxMs
    for (;;) {
      const summary = await describe()
      if (summary.status === 'ACTIVE') return summary
      if (this.#clock.now() >= untilMs) {
        const reason = `it is ${summary.status} for too long`
        const details = { endpoint: client.endpoint.url, request: what, reason }
        throw new AppError('KINESIS_REFUSED', details)
      }
      await sleep(this.#clock, streamActivePollMs)
    }
  }
}

/** What the API answered. */
class Refused extends Error {}

function must<T>(answer: T | Refusal): T {
  if (answer instanceof Refusal) throw new Refused(answer.reason)
  return answer
}

function modeOf({ shardCount }: PlannedStream): 'ON_DEMAND' | 'PROVISIONED' {
  return shardCount === undefined ? 'ON_DEMAND' : 'PROVISIONED'
}

function creationOf(stream: PlannedStream): object {
  const { name, shardCount, maxRecordKib, tags } = stream
  return {
    StreamName: name,
    StreamModeDetails: { StreamMode: modeOf(stream) },
    ...(shardCount === undefined ? {} : { ShardCount: shardCount }),
    ...(maxRecordKib === undefined ? {} : { MaxRecordSizeInKiB: maxRecordKib }),
    ...(tags === undefined ? {} : { Tags: tags }),
  }
}

interface Change {
  readonly operation: Parameters<KinesisClient['change']>[0]
  readonly input: object
}

/** Of a stream that is there, or was just made; shards are changed where both say how many there are. */
function changesOf(
  stream: PlannedStream,
  { mode, retentionHours: hoursNow, shards }: StreamSummary,
): readonly Change[] {
  const { retentionHours, shardCount } = stream
  const changes: Change[] = []
  if (hoursNow !== undefined && hoursNow !== retentionHours) {
    const direction = retentionHours > hoursNow ? 'Increase' : 'Decrease'
    changes.push({
      operation: `${direction}StreamRetentionPeriod`,
      input: { RetentionPeriodHours: retentionHours },
    })
  }
  const isCounted = shardCount !== undefined && shards !== undefined && mode !== 'ON_DEMAND'
  if (isCounted && shardCount !== shards) {
    const input = { TargetShardCount: shardCount, ScalingType: 'UNIFORM_SCALING' }
    changes.push({ operation: 'UpdateShardCount', input })
  }
  return changes
}

/** AWS lets a mode be changed twice a day, so that an edit of a template does not do it. */
function modeWarnings(stream: PlannedStream, { mode }: StreamSummary): readonly string[] {
  if (mode === undefined || mode === modeOf(stream)) return []
  return [`stream ${stream.name} is ${mode}, not ${modeOf(stream)}: it is left as it is`]
}
