// Appends of one partition that are committed together: they have one promise, and one fate.
import assert from 'node:assert/strict'
import type { QueuedPartition } from './append-queue.ts'

/** `batches` are from `baseOffset` to `endOffset` (exclusive). */
export interface QueuedAppend {
  readonly baseOffset: number
  readonly endOffset: number
  readonly batches: Buffer
}

/** Invariant: appends follow each other without a gap. */
export class AppendRun {
  readonly partition: QueuedPartition
  readonly baseOffset: number
  readonly buffers: Buffer[] = []
  readonly outcome = Promise.withResolvers<void>()
  endOffset: number
  sizeBytes = 0

  constructor(partition: QueuedPartition, baseOffset: number) {
    this.partition = partition
    this.baseOffset = baseOffset
    this.endOffset = baseOffset
    // Nobody may be waiting (acks=0); whoever does still sees the rejection.
    this.outcome.promise.catch(() => {})
  }

  get appends(): number {
    return this.buffers.length
  }

  add({ baseOffset, endOffset, batches }: QueuedAppend): void {
    assert(baseOffset === this.endOffset, 'offsets leave no gap')
    this.buffers.push(batches)
    this.sizeBytes += batches.length
    this.endOffset = endOffset
  }
}
