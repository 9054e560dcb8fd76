// Counts what the Kinesis API does: calls and their time, errors, records in and out by stream.
import { durationBoundsSeconds, Histogram } from '../../../common/metrics.ts'
import type { KinesisErrorCode } from './kinesis-errors.ts'

export interface OperationCount {
  calls: number
  readonly seconds: Histogram
  readonly errors: Map<KinesisErrorCode, number>
}

/** Plain counters; `kinesis-metrics.ts` reads them. Operations are those of the table, so that clients add no names. */
export class KinesisCounters {
  readonly operations = new Map<string, OperationCount>()

  answered(operation: string, seconds: number, error?: KinesisErrorCode): void {
    const count = this.#countOf(operation)
    count.calls += 1
    count.seconds.observe(seconds)
    if (error !== undefined) count.errors.set(error, (count.errors.get(error) ?? 0) + 1)
  }

  #countOf(operation: string): OperationCount {
    const known = this.operations.get(operation)
    if (known !== undefined) return known
    const count = { calls: 0, seconds: new Histogram(durationBoundsSeconds), errors: new Map() }
    this.operations.set(operation, count)
    return count
  }
}
