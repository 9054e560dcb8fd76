// The limits that the log obeys, in one object so that a test can make them small.
import assert from 'node:assert/strict'
import {
  appendQueueMaxBytes,
  blockPieceBytes,
  blockReadMinBytes,
  blockWriteMinBytes,
  commitMaxBytes,
  compactionIntervalMs,
  compactionMapMaxBytes,
  directAheadMaxBytes,
  directBehindMax,
  directMinBytes,
  directPartitionsMax,
  fillFlushBytes,
  indexCacheMaxBytes,
  logOpenFilesMax,
  logTailMaxBytes,
  readAheadMaxBytes,
  recentBatchesMaxBytes,
  retentionCheckIntervalMs,
  segmentFillBytes,
  segmentFillDelayMs,
  unloggedMaxBytes,
  walFileMaxBytes,
  walFilesMax,
  walSparesMax,
} from '../../common/limits.ts'
import { producersMax } from '../../common/producer-limits.ts'

/** `common/limits.ts` says what each is for. */
export interface LogLimits {
  readonly appendQueueMaxBytes: number
  readonly blockPieceBytes: number
  readonly blockReadMinBytes: number
  readonly blockWriteMinBytes: number
  readonly commitMaxBytes: number
  readonly compactionIntervalMs: number
  readonly compactionMapMaxBytes: number
  readonly directAheadMaxBytes: number
  readonly directBehindMax: number
  readonly directMinBytes: number
  readonly directPartitionsMax: number
  readonly fillFlushBytes: number
  readonly indexCacheMaxBytes: number
  readonly openFilesMax: number
  readonly producersMax: number
  readonly readAheadMaxBytes: number
  readonly recentBatchesMaxBytes: number
  readonly tailMaxBytes: number
  readonly retentionCheckIntervalMs: number
  readonly segmentFillBytes: number
  readonly segmentFillDelayMs: number
  readonly unloggedMaxBytes: number
  readonly walFileMaxBytes: number
  readonly walFilesMax: number
  readonly walSparesMax: number
}

export function logLimits(overrides: Partial<LogLimits> = {}): LogLimits {
  const limits = {
    appendQueueMaxBytes,
    blockPieceBytes,
    blockReadMinBytes,
    blockWriteMinBytes,
    commitMaxBytes,
    compactionIntervalMs,
    compactionMapMaxBytes,
    directAheadMaxBytes,
    directBehindMax,
    directMinBytes,
    directPartitionsMax,
    fillFlushBytes,
    indexCacheMaxBytes,
    openFilesMax: logOpenFilesMax,
    producersMax,
    readAheadMaxBytes,
    recentBatchesMaxBytes,
    tailMaxBytes: logTailMaxBytes,
    retentionCheckIntervalMs,
    segmentFillBytes,
    segmentFillDelayMs,
    unloggedMaxBytes,
    walFileMaxBytes,
    walFilesMax,
    walSparesMax,
    ...overrides,
  }
  assert(limits.walFilesMax >= 2, 'one write-ahead file is written while another is checkpointed')
  return limits
}
