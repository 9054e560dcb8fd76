// How often AWS answers each operation in a second, of an account or of a stream: above that it says so.
import { Allowance } from '../streams/allowance.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError } from './kinesis-errors.ts'
import { hasLimits } from './shard-throttle.ts'

interface Rate {
  readonly of: 'account' | 'stream'
  readonly perSecond: number
}

const ofAccount = (perSecond: number): Rate => ({ of: 'account', perSecond })
const ofStream = (perSecond: number): Rate => ({ of: 'stream', perSecond })

/** AWS, "Quotas and limits": control plane. What is not in it is not held back here. */
const rates: Readonly<Record<string, Rate>> = {
  AddTagsToStream: ofAccount(5),
  CreateStream: ofAccount(5),
  DecreaseStreamRetentionPeriod: ofStream(5),
  DeleteResourcePolicy: ofAccount(5),
  DeleteStream: ofAccount(5),
  DeregisterStreamConsumer: ofStream(5),
  DescribeLimits: ofAccount(1),
  DescribeStream: ofAccount(10),
  DescribeStreamConsumer: ofStream(20),
  DescribeStreamSummary: ofAccount(20),
  DisableEnhancedMonitoring: ofStream(5),
  EnableEnhancedMonitoring: ofStream(5),
  GetResourcePolicy: ofAccount(5),
  IncreaseStreamRetentionPeriod: ofStream(5),
  ListShards: ofStream(1000),
  ListStreamConsumers: ofStream(5),
  ListStreams: ofAccount(5),
  ListTagsForStream: ofStream(5),
  MergeShards: ofStream(5),
  PutResourcePolicy: ofAccount(5),
  RegisterStreamConsumer: ofStream(5),
  RemoveTagsFromStream: ofStream(5),
  SplitShard: ofStream(5),
  UpdateShardCount: ofStream(10),
}

type Allowances = Map<string, Allowance>

export class CallRates {
  readonly #account: Allowances = new Map()
  readonly #streams = new WeakMap<Stream, Allowances>()

  /** Why the call is not answered now; what is admitted counts. `input` is as it came, of whatever type. */
  refusal(context: KinesisContext, operation: string, input: unknown): KinesisError | undefined {
    const rate = Object.hasOwn(rates, operation) ? rates[operation] : undefined
    if (rate === undefined) return undefined
    const name = streamNameIn(input)
    const stream = name === undefined ? undefined : context.catalog.known(name)
    const isHeld =
      rate.of === 'account'
        ? context.pace === 'aws'
        : stream !== undefined && hasLimits(context, stream)
    if (!isHeld) return undefined
    const allowances = rate.of === 'account' ? this.#account : this.#ofStream(stream)
    let allowance = allowances.get(operation)
    if (allowance === undefined) {
      allowance = new Allowance(rate.perSecond)
      allowances.set(operation, allowance)
    }
    if (allowance.admit(context.clock.now())) return undefined
    const where = stream === undefined ? '' : ` for stream ${stream.name}`
    const message = `Rate exceeded${where} under account ${context.accountId}.`
    return new KinesisError('LimitExceededException', message)
  }

  /** Of none in particular nothing is kept. */
  #ofStream(stream: Stream | undefined): Allowances {
    if (stream === undefined) return new Map()
    let allowances = this.#streams.get(stream)
    if (allowances === undefined) {
      allowances = new Map()
      this.#streams.set(stream, allowances)
    }
    return allowances
  }
}

/** By the name, or the ARN of the stream or of something of it. */
function streamNameIn(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  const { StreamName, StreamARN, ConsumerARN } = input as Partial<Record<string, unknown>>
  if (typeof StreamName === 'string') return StreamName
  const arn = StreamARN ?? ConsumerARN
  return typeof arn === 'string' ? /:stream\/([^/]+)/.exec(arn)?.[1] : undefined
}
