// Decides which waiting invocation gets an environment next, and whose idle environment makes room; pure.
import type { ServiceTimes } from './service-times.ts'

/** What a decision needs to know of a pool. */
export interface PoolState {
  readonly environments: number
  readonly idle: number
  readonly starting: number
  readonly ending: number
  /** Those that start for an event of their own, and have yet to come up. */
  readonly coming: number
  /** When the first of them came up; undefined before. */
  readonly upSinceMs: number | undefined
  /** When an invocation last used it. */
  readonly lastUsedMs: number
  /** Whether its idle environments are not to be ended for others. */
  readonly isKept: boolean
  /** Invocations that wait. */
  readonly waiting: number
  readonly times: Pick<ServiceTimes, 'usualMs' | 'begunBefore'>
  /** Since when its longest-waiting invocation waits; undefined when none does. */
  readonly waitingSinceMs: number | undefined
  /** Since when there has always been one that waits. */
  readonly queuedSinceMs: number | undefined
}

export type Allotment<Pool> =
  /** Run the pool's longest-waiting invocation, on an idle environment or a new one. */
  | { readonly action: 'run'; readonly pool: Pool }
  /** End an idle environment of the pool, to make room. */
  | { readonly action: 'end-idle'; readonly pool: Pool }
  | { readonly action: 'wait' }

export interface AllotmentLimits {
  readonly environmentsMax: number
  readonly warmPreferenceMaxMs: number
  /** So many start at once, all functions together: more on as many cores would each take longer. */
  readonly comingMax: number
  /** How long one waits for an environment of its own function before another one is made. */
  readonly startPatienceMs: number
}

/**
 * Who has waited longest is next, but a warm environment is not thrown away for it while the wait is
 * short: two functions on one would pay a cold start for every event. Past `warmPreferenceMaxMs`
 * nobody goes before it, so none starves. A function that has an environment gets another one only for who has waited
 * for `startPatienceMs`: one whose events take less than a start is served by few. Not even then where those it has
 * would serve all who wait within that time: then it is the processor that is short, and not environments. As many as there
 * are cores it gets as soon as somebody has always been waiting for so long: one thread is no more than one core.
 */
export function allot<Pool extends PoolState>(
  pools: Iterable<Pool>,
  nowMs: number,
  limits: AllotmentLimits,
): Allotment<Pool> {
  const first = longestWaiting(pools, () => true)
  if (first === undefined) return { action: 'wait' }
  if (first.idle > 0) return { action: 'run', pool: first }
  const isLate = nowMs - (first.waitingSinceMs ?? nowMs) > limits.warmPreferenceMaxMs
  const warm = isLate ? undefined : longestWaiting(pools, (pool) => pool.idle > 0)
  if (warm !== undefined) return { action: 'run', pool: warm }
  // An environment on its way without an event of its own will serve whoever waits for one.
  const all = [...pools]
  if (all.reduce((sum, pool) => sum + pool.coming, 0) >= limits.comingMax) return { action: 'wait' }
  const cold = longestWaiting(
    pools,
    (pool) => pool.starting === 0 && isPatienceOver(pool, nowMs, limits),
  )
  if (cold === undefined) return { action: 'wait' }
  const environments = all.reduce((sum, pool) => sum + pool.environments, 0)
  if (environments < limits.environmentsMax) return { action: 'run', pool: cold }
  if (all.some((pool) => pool.ending > 0)) return { action: 'wait' }
  const idle = all
    .filter((pool) => pool.idle > 0 && !pool.isKept)
    .sort((a, b) => a.lastUsedMs - b.lastUsedMs)
  return idle[0] === undefined ? { action: 'wait' } : { action: 'end-idle', pool: idle[0] }
}

/** An event that has taken so many times the patience is a hindrance, however short others were. */
const stuckWaits = 2
/** Who has waited for so many gets an environment whatever others take: the usual may be wrong of the next. */
const bearableWaits = 20

function isPatienceOver(
  pool: PoolState,
  nowMs: number,
  { startPatienceMs: patienceMs, comingMax: cores }: AllotmentLimits,
): boolean {
  const { environments, ending, waitingSinceMs = nowMs, queuedSinceMs = nowMs, upSinceMs } = pool
  if (patienceMs === 0 || environments === ending) return true
  if (upSinceMs !== undefined && environments - ending < cores) {
    return nowMs - Math.max(queuedSinceMs, upSinceMs) >= patienceMs
  }
  if (upSinceMs === undefined || nowMs - Math.max(waitingSinceMs, upSinceMs) < patienceMs) {
    return false
  }
  const isBearable = nowMs - waitingSinceMs < bearableWaits * patienceMs
  return !isBearable || drainMs(pool, nowMs - stuckWaits * patienceMs) >= patienceMs
}

/** How long its environments take for all who wait, but for those whose event began before `stuckBeforeMs`. */
function drainMs(
  { environments, ending, waiting, times }: PoolState,
  stuckBeforeMs: number,
): number {
  const left = environments - ending - times.begunBefore(stuckBeforeMs)
  return left <= 0 || times.usualMs === undefined ? Infinity : (waiting * times.usualMs) / left
}

/** Without a list of its own: it is asked before each event and after it. */
function longestWaiting<Pool extends PoolState>(
  pools: Iterable<Pool>,
  isOne: (pool: Pool) => boolean,
): Pool | undefined {
  let longest: Pool | undefined
  let sinceMs = Infinity
  for (const pool of pools) {
    const ms = pool.waitingSinceMs
    if (ms === undefined || ms >= sinceMs || !isOne(pool)) continue
    longest = pool
    sinceMs = ms
  }
  return longest
}
