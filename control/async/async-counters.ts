// What is counted of one function's asynchronous invocations; plain numbers that metrics.ts reads.
import { Histogram } from '../../common/metrics.ts'

/** From the next second to six hours, when Lambda gives up. */
const ageBoundsSeconds = [0.01, 0.1, 1, 5, 10, 60, 300, 1_800, 3_600, 21_600] as const

export class AsyncCounters {
  received = 0
  /** Not taken, because the queue had no room. */
  refused = 0
  /** Given up without success, wherever they went then. */
  dropped = 0
  readonly retries = { failed: 0, throttled: 0, unreached: 0 }
  readonly deliveries = { onSuccess: 0, onFailure: 0, deadLetter: 0 }
  /** Records that no destination took, and events that no dead-letter queue did. */
  destinationFailures = 0
  deadLetterErrors = 0
  /** From the queue to each try. */
  readonly ageSeconds = new Histogram(ageBoundsSeconds)
}

/** A function's counters exist from its first event until it is deleted. */
export class CounterBook {
  readonly #byFunction = new Map<string, AsyncCounters>()

  of(functionName: string): AsyncCounters {
    let counters = this.#byFunction.get(functionName)
    if (counters === undefined) {
      counters = new AsyncCounters()
      this.#byFunction.set(functionName, counters)
    }
    return counters
  }

  forget(functionName: string): void {
    this.#byFunction.delete(functionName)
  }

  all(): Iterable<readonly [string, AsyncCounters]> {
    return this.#byFunction
  }
}
