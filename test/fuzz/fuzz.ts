// Runs spoiled requests and record batches against decoders and handlers, and says how it went.
import { decodeRecords, DecodeError, validateBatch } from '../../protocol/record-batch.ts'
import { parseRequest } from '../../protocol/request.ts'
import { crc32c } from '../../protocol/crc32c.ts'
import { batchOf } from '../support/log-store.ts'
import { randomFrom } from '../support/seeded-random.ts'
import { apiVersions, spoiled, validFrame, type Random } from './frames.ts'
import type { MemoryBroker } from './memory-broker.ts'

/** The slowest one of them, which says whether any hung. */
export interface FuzzResult {
  readonly count: number
  readonly accepted: number
  readonly slowestMs: number
  readonly slowest: string
}

/** No frame, however spoiled, makes the parser throw. */
export function fuzzParser(count: number, seed: number): FuzzResult {
  const random = randomFrom(seed)
  const watch = new Watch()
  for (let n = 0; n < count; n++) {
    const wanted = pick(apiVersions, random)
    const frame = spoiled(validFrame(wanted, random), random)
    watch.run(frame, () => parseRequest(frame).ok)
  }
  return watch.result(count)
}

/** No batch, however spoiled, does more than be refused; some have their checksum made good again. */
export function fuzzBatches(count: number, seed: number): FuzzResult {
  const random = randomFrom(seed)
  const watch = new Watch()
  const batches = [
    batchOf(['a']),
    batchOf(['a', 'b', 'c'.repeat(200)]),
    batchOf(Array.from({ length: 50 }, (_, index) => `${index}`)),
  ]
  for (let n = 0; n < count; n++) {
    const bytes = spoiled(pick(batches, random), random)
    if (random() < 0.8 && bytes.length > 61) makeGood(bytes, random)
    watch.run(bytes, () => isReadable(bytes))
  }
  return watch.result(count)
}

/** No frame, however spoiled, makes a handler reject. */
export async function fuzzHandlers(
  broker: MemoryBroker,
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const random = randomFrom(seed)
  const watch = new Watch()
  for (let n = 0; n < count; n++) {
    const valid = validFrame(pick(apiVersions, random), random)
    const frame = random() < 0.5 ? valid : spoiled(valid, random)
    await watch.runLong(frame, () => broker.take(frame))
  }
  return watch.result(count)
}

class Watch {
  #accepted = 0
  #slowestMs = 0
  #slowest = ''

  run(bytes: Buffer, work: () => boolean): void {
    const startedAt = performance.now()
    try {
      if (work()) this.#accepted += 1
    } catch (error) {
      throw new Error(`on ${bytes.toString('hex')}`, { cause: error })
    }
    this.#note(bytes, startedAt)
  }

  async runLong(bytes: Buffer, work: () => Promise<void>): Promise<void> {
    const startedAt = performance.now()
    try {
      await work()
    } catch (error) {
      throw new Error(`on ${bytes.toString('hex')}`, { cause: error })
    }
    this.#accepted += 1
    this.#note(bytes, startedAt)
  }

  result(count: number): FuzzResult {
    return { count, accepted: this.#accepted, slowestMs: this.#slowestMs, slowest: this.#slowest }
  }

  #note(bytes: Buffer, startedAt: number): void {
    const tookMs = performance.now() - startedAt
    if (tookMs <= this.#slowestMs) return
    this.#slowestMs = tookMs
    this.#slowest = bytes.toString('hex')
  }
}

/** Gives the batch a length and a checksum that are right, so that what is wrong lies deeper. */
function makeGood(bytes: Buffer, random: Random): void {
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes[16] = 2
  if (random() < 0.5) bytes.writeInt16BE(Math.floor(random() * 8), 21)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
}

function isReadable(bytes: Buffer): boolean {
  if (!validateBatch(bytes, 0, { isStored: true }).ok) return false
  try {
    decodeRecords(bytes, 0)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[Math.floor(random() * values.length)] as T
}
