// Sends the heartbeats of a group member for as long as it stays.
import { alarmsOf, type Alarm } from '../common/alarms.ts'
import { inStep, type Clock } from '../common/clock.ts'
import { heartbeatIntervalMs } from '../common/consumer-limits.ts'

/** One after the other: the interval begins anew with each answer. */
export class Heartbeats {
  readonly #clock: Clock
  readonly #send: () => Promise<void>
  readonly #alarm: Alarm
  #running: PromiseWithResolvers<void> | undefined
  #isSending = false
  #isStopped = false

  constructor(clock: Clock, send: () => Promise<void>) {
    this.#clock = clock
    this.#send = send
    this.#alarm = alarmsOf(clock).alarm(() => void this.#beat())
  }

  /** Resolves after `stop`, once no answer is awaited any more. Rejects with what `send` rejects with. */
  async run(): Promise<void> {
    this.#isStopped = false
    this.#running = Promise.withResolvers<void>()
    this.#wait()
    try {
      await this.#running.promise
    } finally {
      this.#alarm.cancel()
    }
  }

  stop(): void {
    this.#isStopped = true
    if (!this.#isSending) this.#running?.resolve()
  }

  #wait(): void {
    this.#alarm.set(inStep(this.#clock, heartbeatIntervalMs))
  }

  async #beat(): Promise<void> {
    this.#isSending = true
    try {
      await this.#send()
      if (this.#isStopped) this.#running?.resolve()
      else this.#wait()
    } catch (error) {
      this.#running?.reject(error)
    } finally {
      this.#isSending = false
    }
  }
}
