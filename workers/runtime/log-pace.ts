// In a thread: lets a handler write no faster than the platform takes what it writes.
import { logAheadMaxChars, logMessageChars, logTakenMaxMs } from '../../common/log-limits.ts'

// A handler may replace them.
const { load, wait } = Atomics

export interface LogPaceOptions {
  /** By slot, what the platform has taken of its event's messages. */
  readonly taken: Int32Array<SharedArrayBuffer>
  readonly wait?: (
    taken: Int32Array<SharedArrayBuffer>,
    slot: number,
    value: number,
    maxMs: number,
  ) => 'ok' | 'not-equal' | 'timed-out'
}

/** As a pipe's writer waits for its reader, and with it the handler's own time goes on. */
export class LogPace {
  readonly #taken: Int32Array<SharedArrayBuffer>
  readonly #wait: NonNullable<LogPaceOptions['wait']>
  #slot = -1
  #sent = 0

  constructor({ taken, wait: waitFor = wait }: LogPaceOptions) {
    this.#taken = taken
    this.#wait = waitFor
  }

  /** An event begins; one without a slot is not held up. */
  begin(slot: number): void {
    this.#slot = slot
    this.#sent = 0
  }

  /** A message of so many characters has been sent: returns when few enough are on their way. */
  sent(chars: number): void {
    if (this.#slot < 0) return
    // Like what is taken, a number of 32 bits: an event may write more than that counts.
    this.#sent = (this.#sent + costOf(chars)) | 0
    for (;;) {
      const taken = load(this.#taken, this.#slot)
      if (((this.#sent - taken) | 0) <= logAheadMaxChars) return
      // A platform that stands still must not take the handler's time: what waits has a bound as well.
      if (this.#wait(this.#taken, this.#slot, taken, logTakenMaxMs) === 'timed-out') return
    }
  }
}

/** What a message counts, on both sides. */
export function costOf(chars: number): number {
  return chars + logMessageChars
}
