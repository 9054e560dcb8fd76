// Keeps one environment's process, with all that it starts, to its share of the processor.
import type { Clock, Timer } from '../../common/clock.ts'
import { cpuBurstMaxMs } from '../../common/cpu-limits.ts'
import { reasonOf } from '../../common/errors.ts'
import type { CpuShare, CpuShares } from '../cpu/cpu-shares.ts'
import type { ThrottledTime } from '../cpu/throttled-time.ts'

export interface ShareOptions {
  readonly cpuShares: CpuShares
  readonly memorySizeMb: number
  readonly throttled: ThrottledTime
  readonly clock: Clock
  /** It runs without a limit, and why. */
  readonly onUnheld: (reason: string) => void
}

export class ProcessShare {
  readonly #options: ShareOptions
  readonly #isBusy: () => boolean
  #share: CpuShare | undefined
  #burst: Timer | undefined
  #isReleased = false

  constructor(options: ShareOptions, isBusy: () => boolean) {
    this.#options = options
    this.#isBusy = isBusy
  }

  /** A process has been made; while it starts it may take more. */
  begin(pid: number): void {
    const { cpuShares, memorySizeMb, throttled, clock, onUnheld } = this.#options
    const share = cpuShares.open({ memorySizeMb, isBusy: this.#isBusy })
    this.#share = share
    throttled.add(share)
    this.#burst = clock.after(cpuBurstMaxMs, () => this.hold())
    share.addProcess(pid).catch((error: unknown) => onUnheld(reasonOf(error)))
  }

  /** An event is about to be given to it. */
  wake(): void {
    this.#options.cpuShares.wake()
  }

  hold(): void {
    this.#burst?.cancel()
    this.#share?.hold()
  }

  /** It is about to be ended and must not stand still. */
  release(): void {
    this.#burst?.cancel()
    if (this.#isReleased) return
    this.#isReleased = true
    this.#share?.release()
  }

  /** It is gone. */
  end(): void {
    this.#burst?.cancel()
    if (this.#share === undefined) return
    this.#options.throttled.remove(this.#share)
    this.#share.close()
    this.#share = undefined
  }
}
