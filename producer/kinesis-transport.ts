// Carries batches to a stream by the Kinesis API's PutRecords, in CBOR, and turns its answers into outcomes.
import { AppError, reasonOf } from '../common/errors.ts'
import * as limits from '../common/kinesis-call-limits.ts'
import { CborCalls, type Reply } from '../kinesis-client/cbor-call.ts'
import type { BatchTransport, SendOutcome } from './batch-transport.ts'
import type { SourceRecord } from './record-source.ts'

export interface KinesisTransportOptions {
  /** `http://host:port`; requests are not signed, which the platform's own door does not ask for. */
  readonly url: string
  readonly stream: string
}

/** Rejects with AppError BROKER_UNREACHABLE when nothing answers there. */
export async function connectKinesisTransport(
  options: KinesisTransportOptions,
): Promise<BatchTransport> {
  const transport = new KinesisTransport(options)
  try {
    await transport.look()
  } catch (error) {
    await transport.close()
    throw new AppError(
      'BROKER_UNREACHABLE',
      { brokers: options.url, reason: reasonOf(error) },
      error,
    )
  }
  return transport
}

class KinesisTransport implements BatchTransport {
  readonly #stream: string
  readonly #url: string
  readonly #calls: CborCalls
  /** What is still to be acknowledged of a batch whose sender will try again. */
  readonly #left = new WeakMap<readonly SourceRecord[], readonly SourceRecord[]>()
  #unkeyed = 0

  constructor({ url, stream }: KinesisTransportOptions) {
    this.#stream = stream
    this.#url = url
    this.#calls = new CborCalls(url)
  }

  /** Rejects where nobody answers; what the answer is does not matter. */
  async look(): Promise<void> {
    await this.#calls.call('DescribeStreamSummary', { StreamName: this.#stream })
  }

  /** Records that the stream has taken are not sent again where the others are. */
  async send(records: readonly SourceRecord[]): Promise<SendOutcome> {
    let left = this.#left.get(records) ?? records
    let outcome: SendOutcome | undefined
    while (left.length > 0 && outcome === undefined) {
      const chunk = left.slice(0, entriesThatFit(left))
      const { failed, reason, isRefused } = await this.#put(chunk)
      left = [...failed, ...left.slice(chunk.length)]
      if (reason !== undefined) outcome = { kind: isRefused ? 'refused' : 'unavailable', reason }
    }
    if (outcome?.kind === 'unavailable') this.#left.set(records, left)
    else this.#left.delete(records)
    return outcome ?? { kind: 'acknowledged' }
  }

  close(): Promise<void> {
    this.#calls.close()
    return Promise.resolve()
  }

  async #put(chunk: readonly SourceRecord[]): Promise<Put> {
    const entries = chunk.map(({ key, value }) => ({
      Data: value,
      PartitionKey: key ?? String(this.#unkeyed++),
    }))
    let reply: Reply
    try {
      reply = await this.#calls.call('PutRecords', { StreamName: this.#stream, Records: entries })
    } catch (error) {
      return { failed: chunk, reason: reasonOf(error), isRefused: false }
    }
    if (reply.status !== 200) return refusalOf(chunk, reply)
    const results = reply.body['Records']
    if (!Array.isArray(results) || results.length !== chunk.length) {
      const reason = `${this.#url} gave an answer to PutRecords that cannot be read`
      return { failed: chunk, reason, isRefused: false }
    }
    const codes = (results as readonly Readonly<Record<string, unknown>>[]).map(
      (result) => result['ErrorCode'],
    )
    const failed = chunk.filter((_, index) => isText(codes[index]))
    const reason = codes.find(isText)
    return { failed, reason, isRefused: false }
  }
}

interface Put {
  readonly failed: readonly SourceRecord[]
  /** Of the first that failed. */
  readonly reason: string | undefined
  readonly isRefused: boolean
}

/** At least one: what is too large is the stream's to refuse. */
function entriesThatFit(records: readonly SourceRecord[]): number {
  let bytes = 0
  let count = 0
  for (const { key, value } of records) {
    bytes += (key?.length ?? 0) * utf8MaxBytes + value.length
    if (count > 0 && (bytes > limits.kinesisPutMaxBytes || count === limits.kinesisPutMaxEntries)) {
      break
    }
    count += 1
  }
  return count
}

const utf8MaxBytes = 3

/** A stream that is not there may come to be, as a topic may. */
const passing = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'ResourceNotFoundException',
  'ThrottlingException',
])

function refusalOf(chunk: readonly SourceRecord[], { status, body }: Reply): Put {
  const { __type: type, message } = body
  const code = isText(type) ? type : `HTTP ${status}`
  const reason = isText(message) ? `${code}: ${message}` : code
  return { failed: chunk, reason, isRefused: status < 500 && !passing.has(code) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
