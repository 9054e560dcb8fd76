// One partition's durable log: appends, reads, offsets and timestamps.
import assert from 'node:assert/strict'
import { AppError } from '../../common/errors.ts'
import {
  encodeMarker,
  validateBatches,
  type BatchInfo,
  type Marker,
} from '../../protocol/record-batch.ts'
import { placedBatch } from './batch-place.ts'
import type { OffsetAndTimestamp } from './batch-times.ts'
import {
  outcomeByProducer,
  refusalByTopic,
  refuse,
  sequencedBatch,
  type AppendAccepted,
  type AppendOrigin,
  type AppendRefused,
} from './append-outcome.ts'
import type { RecoveryPoint } from './checkpoint-file.ts'
import type { PartitionStats } from './log-stats.ts'
import type { CompactionResult } from './compaction/compactor.ts'
import { producerRules } from './compaction/producer-rules.ts'
import { PartitionCompaction, type CompactionRound } from './compaction/partition-compaction.ts'
import { checkPartition } from './partition-check.ts'
import { PartitionWriter } from './partition-writer.ts'
import { PartitionReader, type ReadLimits, type ReadResult } from './partition-reader.ts'
import type { ProducerFile } from './producer-file.ts'
import type { SegmentList } from './segment-list.ts'
import { Tail } from './tail.ts'
import type { LogEnvironment, PartitionIdentity, QueuedPartition } from './append-queue.ts'

/**
 * Invariant: logStartOffset <= highWatermark <= logEndOffset. Segments hold the log's first part and the tail in memory
 * its last, which may overlap. What lies between high watermark and end is not committed, wherever it is: a failed
 * commit takes it back.
 */
export class PartitionLog implements QueuedPartition {
  readonly identity: PartitionIdentity
  readonly leaderEpoch = 0
  readonly #environment: LogEnvironment
  readonly #segments: SegmentList
  /** Producers with an id that have written here, and their transactions. */
  readonly producers: ProducerFile
  readonly #tail = new Tail()
  readonly #reader: PartitionReader
  readonly writer: PartitionWriter
  /** Why clients' appends are refused from now on; what the broker ends here, as a transaction, is not. */
  sealedReason: string | undefined
  #listeners: Set<() => void> | undefined
  #highWatermark: number
  #logEndOffset: number
  #recordsAppended = 0
  #bytesAppended = 0
  #isDeleted = false

  constructor(
    environment: LogEnvironment,
    identity: PartitionIdentity,
    { segments, producers }: { segments: SegmentList; producers: ProducerFile },
  ) {
    this.#environment = environment
    this.identity = identity
    this.#segments = segments
    this.producers = producers
    this.#highWatermark = segments.endOffset
    this.#logEndOffset = segments.endOffset
    const log = {
      environment,
      segments,
      tail: this.#tail,
      config: identity.config,
      highWatermark: () => this.#highWatermark,
      logEndOffset: () => this.#logEndOffset,
      isDeleted: () => this.#isDeleted,
    }
    this.#reader = new PartitionReader(log)
    this.writer = new PartitionWriter(log, (batches) => this.#reader.leaving(batches))
  }

  get topic(): string {
    return this.identity.topic
  }

  get index(): number {
    return this.identity.index
  }

  get logStartOffset(): number {
    return this.#segments.startOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get isDeleted(): boolean {
    return this.#isDeleted
  }

  /** Where the oldest transaction begins that is not over; the high watermark where there is none. */
  get lastStableOffset(): number {
    const stable = Math.min(this.#highWatermark, this.producers.table.firstUnstableOffset)
    return Math.max(stable, this.logStartOffset)
  }

  /** Of segments and tail together. */
  get sizeBytes(): number {
    return this.#segments.sizeBytes + this.writer.bytesOutside
  }

  /** In memory, committed or not. */
  get tailBytes(): number {
    return this.#tail.sizeBytes
  }

  /**
   * Validates the batches, gives them the next offsets (in place: the buffer is the log's from now on) and queues them
   * for the next commit. Synchronous, so the order of calls is the order of offsets. A batch sent again is not written.
   */
  append(batches: Buffer, origin: AppendOrigin = 'client'): AppendAccepted | AppendRefused {
    if (this.#isDeleted) return refuse('KAFKA_STORAGE_ERROR', 'the topic was deleted')
    const validation = validateBatches(batches, { isStored: origin === 'broker' })
    if (!validation.ok) return validation
    const nowMs = this.#environment.clock.now()
    const config = this.identity.config()
    const isStamped = config.timestampType === 'LogAppendTime'
    const at = { config, nowMs, isStamped, origin, sealedReason: this.sealedReason }
    const unfit = refusalByTopic(batches, validation.batches, at)
    const known = outcomeByProducer(this.producers.table, validation.batches, at)
    // What was written before its shard was closed is there, though it be sent again after that.
    if (unfit !== undefined) return this.sealedReason !== undefined && known?.ok ? known : unfit
    if (known !== undefined) return known
    const refusal = this.#environment.queue.refusal(batches.length)
    if (refusal !== undefined) return refuse('KAFKA_STORAGE_ERROR', refusal)
    const logAppendTimeMs = isStamped ? nowMs : -1
    const baseOffset = this.#logEndOffset
    for (const batch of validation.batches) this.#place(batches, batch, logAppendTimeMs)
    this.#environment.memory.bytes += batches.length
    const endOffset = this.#logEndOffset
    const committed = this.#environment.queue.enqueue(this, { baseOffset, endOffset, batches })
    const sent = sequencedBatch(batches, validation.batches[0], logAppendTimeMs)
    if (sent) this.producers.table.append(sent, { baseOffset, seenMs: nowMs, committed })
    return { ok: true, baseOffset, lastOffset: endOffset - 1, logAppendTimeMs, committed }
  }

  /** Ends a producer's transaction here, whether it wrote anything or not. */
  appendMarker(
    producer: { readonly producerId: number; readonly producerEpoch: number },
    marker: Marker,
  ): AppendAccepted | AppendRefused {
    const timestamp = this.#environment.clock.now()
    return this.append(encodeMarker({ ...producer, marker, timestamp }), 'broker')
  }

  advance(endOffset: number): void {
    assert(endOffset > this.#highWatermark && endOffset <= this.#logEndOffset, 'it only grows')
    this.#recordsAppended += endOffset - this.#highWatermark
    this.#highWatermark = endOffset
    this.producers.table.commit(endOffset)
    for (const listener of this.#listeners ?? []) listener()
  }

  rollBack(): void {
    this.#bytesAppended -= this.writer.rollBack()
    this.#logEndOffset = this.#highWatermark
    this.producers.table.rollBack()
  }

  /** Takes a committed batch back from the write-ahead log; what the log has already is skipped. */
  restore(bytes: Buffer, batches: readonly BatchInfo[]): void {
    const seenMs = this.#environment.clock.now()
    for (const info of batches) {
      const { position, sizeBytes, baseOffset, maxTimestamp } = info
      const lastOffset = baseOffset + info.lastOffsetDelta
      if (lastOffset < this.#logEndOffset) continue
      if (baseOffset !== this.#logEndOffset) throw this.#gap(baseOffset)
      const batch = bytes.subarray(position, position + sizeBytes)
      this.#tail.push({ bytes: batch, baseOffset, lastOffset, maxTimestamp })
      this.#environment.memory.bytes += sizeBytes
      this.#logEndOffset = lastOffset + 1
      this.#highWatermark = lastOffset + 1
      const sent = sequencedBatch(bytes, info)
      if (sent) this.producers.table.restore(sent, { baseOffset, seenMs })
    }
  }

  /** Called when all that a crash left is restored: the log goes on at its start at least. */
  async reachStart(): Promise<void> {
    await this.#segments.reachStart()
    this.#logEndOffset = Math.max(this.#logEndOffset, this.#segments.endOffset)
    this.#highWatermark = Math.max(this.#highWatermark, this.#segments.endOffset)
  }

  /**
   * Whole batches, the first of which holds `offset` and may start before it; nothing at or above the high
   * watermark, so no chunks when `offset` is that.
   */
  read(offset: number, limits: ReadLimits): Promise<ReadResult> {
    if (this.#isDeleted) return Promise.resolve({ ok: false, error: 'KAFKA_STORAGE_ERROR' })
    return this.#reader.read(offset, limits)
  }

  /** About how many bytes lie between `offset` and the high watermark, or `below`. */
  availableBytes(offset: number, below?: number): number {
    return this.#isDeleted ? 0 : this.#reader.availableBytes(offset, below)
  }

  /** The first record with a timestamp of `timestampMs` or above. */
  offsetForTimestamp(timestampMs: number): Promise<OffsetAndTimestamp | undefined> {
    return this.#reader.offsetForTimestamp(timestampMs)
  }

  /** The timestamp of the record at `offset`, as its batch's header has it. */
  timestampAt(offset: number): Promise<number | undefined> {
    return this.#isDeleted ? Promise.resolve(undefined) : this.#reader.timestampAt(offset)
  }

  /** Calls `listener` whenever more can be read; returns how to stop. */
  onHighWatermark(listener: () => void): () => void {
    this.#listeners = (this.#listeners ?? new Set()).add(listener)
    return () => this.#listeners?.delete(listener)
  }

  /** Writes what is committed from memory to segments, and lets go of it there. */
  fill(purpose: 'memory' | 'checkpoint' = 'memory'): Promise<void> {
    return this.writer.fill((endOffset) => {
      if (purpose === 'checkpoint') this.producers.capture(endOffset)
    })
  }

  /** Raises the log's start, durably, and removes the segments that lie below it as a whole. */
  async deleteRecordsBefore(offset: number): Promise<void> {
    assert(offset <= this.#highWatermark, 'records above the high watermark cannot be deleted')
    await this.fill()
    await this.#segments.raiseStart(offset, () => this.#environment.persistStarts())
  }

  /** Drops segments that are too old or too many; returns how many. */
  async applyRetention(nowMs: number): Promise<number> {
    if (!this.#isDeleted) this.producers.table.expire(nowMs)
    if (this.#isDeleted || this.#segments.sizeBytes === 0) return 0
    const committedOffset = (): number => this.#highWatermark
    const tail = { bytes: this.writer.bytesOutside, committedOffset }
    return this.#segments.applyRetention(this.identity.config(), nowMs, tail)
  }

  /** Leaves each key its last record, where the topic is compacted and there is enough to gain. */
  compact(round: CompactionRound): Promise<CompactionResult | undefined> {
    const compaction = new PartitionCompaction({
      files: this.#environment.files,
      directory: this.identity.directory,
      segments: this.#segments,
      producerRules: () => producerRules(this.producers, this.#highWatermark),
      lastStableOffset: () => this.lastStableOffset,
      settle: () => this.#environment.checkpoint(),
      isGone: () => this.#isDeleted,
    })
    return compaction.run(this.identity.config().compaction, round)
  }

  get recoveryPoint(): RecoveryPoint {
    return { ...this.#segments.recoveryPoint, ...this.producers.point }
  }

  /** Flushes the segments; afterwards the write-ahead log is not needed up to the recovery point. */
  flush(): Promise<void> {
    return this.producers.flushed(() => this.flushSegments())
  }

  flushSegments(): Promise<void> {
    if (this.#isDeleted) return Promise.resolve()
    return this.writer.flush()
  }

  /** Writes down what is known of producers up to the last flush, for the next recovery point. */
  saveProducers(): Promise<void> {
    return this.#segments.exclusively(async () => {
      if (!this.#isDeleted) await this.producers.save()
    })
  }

  /** Of the active segment, so that the next start need not read its log. */
  writeIndexes(): Promise<void> {
    return this.#segments.writeIndexes()
  }

  /** Resolves when nothing changes the segments, and nothing will until what it resolves with is called. */
  hold(): Promise<() => void> {
    return this.#segments.hold()
  }

  /** The topic is deleted: nothing is written from now on, and memory and files are let go. */
  markDeleted(): void {
    this.#isDeleted = true
    this.#environment.memory.bytes -= this.#tail.truncate(0)
    this.#segments.forget()
    this.producers.table.clear()
    this.#reader.close()
    for (const listener of this.#listeners ?? []) listener()
  }

  stats(): PartitionStats {
    return {
      topic: this.topic,
      partition: this.index,
      internal: this.identity.internal,
      logStartOffset: this.logStartOffset,
      logEndOffset: this.#logEndOffset,
      highWatermark: this.#highWatermark,
      sizeBytes: this.sizeBytes,
      segments: this.#segments.list.length,
      recordsAppended: this.#recordsAppended,
      bytesAppended: this.#bytesAppended,
    }
  }

  /** Violations of the log's invariants, in words; reads everything, so for tests and repair. */
  check(): Promise<readonly string[]> {
    return this.#segments.exclusively(() =>
      checkPartition({
        name: `${this.topic}-${this.index}`,
        segments: this.#segments.list,
        tail: this.#tail.batches,
        logStartOffset: this.logStartOffset,
        highWatermark: this.#highWatermark,
        logEndOffset: this.#logEndOffset,
      }),
    )
  }

  #place(buffer: Buffer, batch: BatchInfo, logAppendTimeMs: number): void {
    const place = { baseOffset: this.#logEndOffset, leaderEpoch: this.leaderEpoch, logAppendTimeMs }
    const placed = placedBatch(buffer, batch, place)
    this.#tail.push(placed)
    this.#logEndOffset = placed.lastOffset + 1
    this.#bytesAppended += placed.bytes.length
  }

  #gap(baseOffset: number): AppError {
    const reason = `the write-ahead log goes on at offset ${baseOffset}, the segments end before`
    const at = { file: this.identity.directory, position: this.#logEndOffset }
    return new AppError('LOG_CORRUPT', { ...at, reason })
  }
}
