// Counts what a mapping does, for whoever wants to read it.
import { durationBoundsSeconds, Histogram } from '../common/metrics.ts'
import type { ScalingReason } from './scaler.ts'

const batchSizeBounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** Fine where waiting is long as well: a percentile is no more exact than its bucket. */
const putToHandlerBounds = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180,
  300, 600, 1800, 3600, 21_600, 86_400,
]

/** Plain counters; events are records, as AWS's names have it. */
export class MappingCounters {
  polledEvents = 0
  /** Keys, values and headers of those. */
  polledBytes = 0
  filteredOutEvents = 0
  invokedEvents = 0
  failedInvokeEvents = 0
  committedEvents = 0
  oversizedEvents = 0
  droppedEvents = 0
  destinationEvents = 0
  destinationErrors = 0
  batches = 0
  retries = 0
  throttles = 0
  commitErrors = 0
  pollingErrors = 0
  invokeErrors = 0
  /** How long all invocations took, and how much of it they waited for room for them. */
  invocationMs = 0
  roomWaitMs = 0
  /** Look-ups that failed, and records that no schema fits. */
  schemaErrors = 0
  /** Of the event that was sent last: how long before its last record came. */
  iteratorAgeMs = 0
  /** Changes of the number of event pollers by their reason, and when the last of each was. */
  readonly scalings = new Map<ScalingReason, { readonly count: number; readonly lastMs: number }>()
  readonly batchSize = new Histogram(batchSizeBounds)
  readonly batchWaitSeconds = new Histogram(durationBoundsSeconds)
  readonly putToHandlerSeconds = new Histogram(putToHandlerBounds)

  /** What tells the causes of a lag apart. */
  get seen(): { throttles: number; polledBytes: number; invocationMs: number; roomWaitMs: number } {
    const { throttles, polledBytes, invocationMs, roomWaitMs } = this
    return { throttles, polledBytes, invocationMs, roomWaitMs }
  }

  invocationEnded(tookMs: number, { roomWaitMs = 0 }: { readonly roomWaitMs?: number }): void {
    this.invocationMs += tookMs
    this.roomWaitMs += roomWaitMs
  }

  scaled(reason: ScalingReason, nowMs: number): void {
    const count = (this.scalings.get(reason)?.count ?? 0) + 1
    this.scalings.set(reason, { count, lastMs: nowMs })
  }
}
