// Who is subscribed to which shard: one subscription for each consumer and shard, and when another may take over.
import type { Clock } from '../../../common/clock.ts'
import { subscriptionTakeOverMs } from '../../../common/subscription-limits.ts'

/** The right to one consumer's records of one shard. */
export class Claim {
  readonly madeMs: number
  readonly #released: () => void
  isOpen = true
  isTakenOver = false
  /** Called once, when it is. */
  onTakenOver: () => void = () => {}

  constructor(madeMs: number, released: () => void) {
    this.madeMs = madeMs
    this.#released = released
  }

  takeOver(): void {
    if (!this.isOpen || this.isTakenOver) return
    this.isTakenOver = true
    this.onTakenOver()
  }

  release(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#released()
  }
}

/** Invariant: of the claims of a consumer and shard one at most is open and not taken over. */
export class Subscriptions {
  /** Whether AWS's limits hold where a stream does not say so itself, and five seconds also behind a subscription that is over. */
  readonly isStrict: boolean
  readonly #clock: Clock
  readonly #claims = new Map<string, Claim>()
  /** Plain counters; `kinesis-metrics.ts` reads them. */
  open = 0
  events = 0
  records = 0
  bytes = 0

  constructor(clock: Clock, { isStrict }: { readonly isStrict: boolean }) {
    this.#clock = clock
    this.isStrict = isStrict
  }

  /** Undefined where another claim is too young to be taken over. */
  claim(consumerArn: string, shardId: string): Claim | undefined {
    const key = `${consumerArn} ${shardId}`
    const nowMs = this.#clock.now()
    const before = this.#claims.get(key)
    const isYoung = before !== undefined && nowMs - before.madeMs < subscriptionTakeOverMs
    if (isYoung && (before.isOpen || this.isStrict)) return undefined
    const claim = new Claim(nowMs, () => this.#released(key, claim))
    this.#claims.set(key, claim)
    this.open += 1
    before?.takeOver()
    return claim
  }

  #released(key: string, claim: Claim): void {
    this.open -= 1
    const forget = (): void => {
      if (this.#claims.get(key) === claim) this.#claims.delete(key)
    }
    const leftMs = claim.madeMs + subscriptionTakeOverMs - this.#clock.now()
    if (this.isStrict && leftMs > 0) this.#clock.after(leftMs, forget)
    else forget()
  }
}
