// Numbers the records of one shard for the mapping's core, and knows what a finished number means for the shard.
import assert from 'node:assert'
import type { ShardCheckpoint } from '../../../control/registry/registry.ts'
import type { ReadFrom } from '../../../kinesis-client/kinesis-client.ts'

/** Of a record that was read: where to read on once it is finished, unless it is the end's. */
type Resume = string | undefined

/**
 * Records have the numbers 0, 1, 2, … in the order in which they were read, whatever their sequence numbers; the
 * shard's end, once it is reached, has the number after its last record. So the core's offsets of a shard begin anew with
 * each start of its mapping, and what of it lasts is the checkpoint.
 *
 * Invariant: `#resume` has an entry for each number from `#base` to before `next`, and all below `#base` are finished.
 */
export class ShardProgress {
  readonly shardId: string
  readonly partition: number
  #checkpoint: ShardCheckpoint
  #readFrom: ReadFrom
  #next = 0
  #base = 0
  #resume: Resume[] = []
  #end: number | undefined

  /** `isLatest`: reading begins at the end, and the checkpoint says when that was. */
  constructor(checkpoint: ShardCheckpoint, isLatest = false) {
    this.shardId = checkpoint.shardId
    this.partition = partitionOf(checkpoint.shardId)
    this.#checkpoint = checkpoint
    this.#readFrom = isLatest ? { type: 'LATEST' } : readFromOf(checkpoint)
  }

  /** What is to be remembered of it. */
  get checkpoint(): ShardCheckpoint {
    return this.#checkpoint
  }

  get isEnded(): boolean {
    return this.#checkpoint.ended === true
  }

  get isRead(): boolean {
    return this.#end !== undefined
  }

  /** The number of the next record. */
  get next(): number {
    return this.#next
  }

  get readFrom(): ReadFrom {
    return this.#readFrom
  }

  /** Reading has begun at the end: from now on that is a moment, which does not move. */
  hasBegun(): void {
    if (this.#readFrom.type === 'LATEST') this.#readFrom = readFromOf(this.#checkpoint)
  }

  /** A record was read: returns its number. Of several that were one, `isLast` is of the last. */
  take(sequenceNumber: string, isLast = true): number {
    assert(this.#end === undefined, 'nothing follows the end of a shard')
    // Amid an aggregate only what comes before all of it is finished.
    this.#resume.push(isLast ? sequenceNumber : undefined)
    return this.#next++
  }

  /** All up to this sequence number was read, whether or not there were records. */
  hasRead(sequenceNumber: string): void {
    this.#readFrom = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber }
  }

  /** The shard has no more records. */
  end(): void {
    assert(this.#end === undefined)
    this.#end = this.#next
    this.#next += 1
    this.#resume.push(undefined)
  }

  /** All numbers below `number` are finished. */
  finish(number: number): void {
    const finished = Math.min(number, this.#next) - this.#base
    if (finished <= 0) return
    const isEnded = this.#end !== undefined && number > this.#end
    const after = this.#resume.slice(0, finished).findLast((each) => each !== undefined)
    this.#resume = this.#resume.slice(finished)
    this.#base += finished
    const { shardId } = this
    if (isEnded) this.#checkpoint = { shardId, ended: true }
    else if (after !== undefined) this.#checkpoint = { shardId, after }
  }

  /** Asserts the invariant. */
  check(): void {
    assert.equal(this.#resume.length, this.#next - this.#base)
  }
}

function readFromOf({ after, fromMs }: ShardCheckpoint): ReadFrom {
  if (after !== undefined) return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: after }
  if (fromMs !== undefined) return { type: 'AT_TIMESTAMP', timestampMs: fromMs }
  return { type: 'TRIM_HORIZON' }
}

/** AWS: `shardId-` and the shard's number with at least twelve digits. */
export function partitionOf(shardId: string): number {
  const [, digits] = /^shardId-(\d{1,15})$/.exec(shardId) ?? []
  assert(digits !== undefined, `${shardId} is a shard's id`)
  return Number(digits)
}
