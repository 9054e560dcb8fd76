// What is counted of one function; plain numbers that metrics.ts reads.
import { durationBoundsSeconds, Histogram } from '../common/metrics.ts'

export class FunctionCounters {
  /** Lambda: successes and function errors; not throttles. */
  invocations = 0
  errors = 0
  throttles = 0
  timeouts = 0
  coldStarts = 0
  readonly durationSeconds = new Histogram(durationBoundsSeconds)
  readonly initSeconds = new Histogram(durationBoundsSeconds)
  readonly waitSeconds = new Histogram(durationBoundsSeconds)
}
