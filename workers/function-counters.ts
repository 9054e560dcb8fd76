// What is counted of one function; plain numbers that metrics.ts reads.
import { durationBoundsSeconds, Histogram } from '../common/metrics.ts'

export class FunctionCounters {
  /** Lambda: successes and function errors; not throttles. */
  invocations = 0
  errors = 0
  /** By what was exhausted: the account, the function's reservation, or room for events that wait. */
  readonly throttles = { account: 0, reserved: 0, waiting: 0 }
  timeouts = 0
  coldStarts = 0
  readonly durationSeconds = new Histogram(durationBoundsSeconds)
  readonly initSeconds = new Histogram(durationBoundsSeconds)
  readonly waitSeconds = new Histogram(durationBoundsSeconds)
}
