// Decides how long a shard's reader waits between two calls of GetRecords; pure.
import {
  awsIdlePollMs,
  awsPollMs,
  kinesisRetryMaxMs,
  kinesisRetryMs,
  localIdlePollMaxMs,
  localPollMs,
} from '../../../common/kinesis-client-limits.ts'

export type PollPaceName = 'local' | 'aws'

/** The wait after an idle time of so much is a fiftieth of it: what comes then waits for that at most. */
const idleShare = 50

/**
 * `aws`: one call a second for an idle shard, and five a second for one that is behind, which is as many as AWS takes.
 * `local`: at once while there is more; the longer nothing came, the longer the wait.
 */
export class PollPace {
  readonly #name: PollPaceName
  #lastRecordsMs: number
  #refusals = 0

  constructor(name: PollPaceName, nowMs: number) {
    this.#name = name
    this.#lastRecordsMs = nowMs
  }

  /** After an answer to a call that began at `calledMs`. */
  answered(
    answer: { readonly records: number; readonly isBehind: boolean },
    calledMs: number,
    nowMs: number,
  ): number {
    this.#refusals = 0
    if (answer.records > 0) this.#lastRecordsMs = nowMs
    if (this.#name === 'aws') {
      return Math.max(0, (answer.isBehind ? awsPollMs : awsIdlePollMs) - (nowMs - calledMs))
    }
    if (answer.isBehind) return 0
    const idleMs = nowMs - this.#lastRecordsMs
    return Math.min(localIdlePollMaxMs, Math.max(localPollMs, idleMs / idleShare))
  }

  /** After a refusal or a failure; each in a row waits twice as long. `random` is in [0, 1). */
  refused(random: number): number {
    const delayMs = Math.min(kinesisRetryMaxMs, kinesisRetryMs * 2 ** Math.min(this.#refusals, 20))
    this.#refusals += 1
    return delayMs * (0.8 + 0.4 * random)
  }
}
