// What is counted of one function; plain numbers that metrics.ts reads.
import type { Clock } from '../common/clock.ts'
import { durationBoundsSeconds, Histogram } from '../common/metrics.ts'
import type { Throttle } from './concurrency.ts'
import { ThrottledTime } from './cpu/throttled-time.ts'
import type { EnvironmentUse } from './environment-pool.ts'
import type { Execution } from './execution.ts'
import { RecentMax } from './recent-max.ts'

export type InvocationKind = 'pooled' | 'provisioned' | 'spillover'

export class FunctionCounters {
  /** Lambda: successes and function errors; not throttles. */
  invocations = 0
  errors = 0
  /** By what was exhausted: the account, the function's reservation, room for events that wait, AWS's pace. */
  readonly throttles: Record<Throttle, number> = {
    account: 0,
    reserved: 0,
    waiting: 0,
    scaling: 0,
    rate: 0,
    'reserved-rate': 0,
  }
  timeouts = 0
  /** In environments that were made ahead; and of versions that have such, in others. */
  provisionedInvocations = 0
  spilloverInvocations = 0
  coldStarts = 0
  readonly durationSeconds = new Histogram(durationBoundsSeconds)
  readonly initSeconds = new Histogram(durationBoundsSeconds)
  readonly waitSeconds = new Histogram(durationBoundsSeconds)
  /** Of its environments, from their start. */
  cpuMs = 0
  /** How long they had to wait for their share of the processor. */
  readonly throttled = new ThrottledTime()
  readonly memoryUsedMb: RecentMax

  constructor(clock: Clock) {
    this.memoryUsedMb = new RecentMax(clock)
  }

  /** Of an invocation that has ended, if it came to run. */
  ran({ outcome, durationMs, initMs }: Execution, kind: InvocationKind): void {
    if (outcome === 'unparsable' || outcome === 'not-started') return
    this.invocations += 1
    if (kind === 'provisioned') this.provisionedInvocations += 1
    if (kind === 'spillover') this.spilloverInvocations += 1
    this.durationSeconds.observe(durationMs / 1000)
    if (outcome !== 'returned') this.errors += 1
    if (outcome === 'timed-out') this.timeouts += 1
    if (initMs === undefined) return
    this.coldStarts += 1
    this.initSeconds.observe(initMs / 1000)
  }

  use({ cpuMs = 0, memoryUsedMb }: EnvironmentUse): void {
    this.cpuMs += cpuMs
    if (memoryUsedMb !== undefined) this.memoryUsedMb.observe(memoryUsedMb)
  }
}
