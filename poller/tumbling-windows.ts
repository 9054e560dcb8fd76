// Decides when the tumbling windows of lanes end, and keeps what a function hands on within one.
import { Buffer } from 'node:buffer'
import { windowStateMaxBytes } from '../common/mapping-limits.ts'
import type { EventPollers } from './event-pollers.ts'
import type { Lane } from './lane.ts'
import type { Partition } from './partition.ts'

export interface TumblingRules {
  /** TumblingWindowInSeconds; windows begin at multiples of it since the epoch. */
  readonly lengthMs: number
  /** So long after its end a window waits for records of its time where none of a later time come. */
  readonly idleMs: number
  /** Records that a window of a partition may have; Infinity unless given. */
  readonly recordsMax?: number
}

/**
 * The window that a lane is in, from its first record to the end of its final invocation. Its state lives here alone, so
 * the checkpoint stays before its first record meanwhile: after a restart the window begins again, and is whole.
 */
export interface LaneWindow {
  readonly startMs: number
  readonly endMs: number
  /** JSON text. */
  state: string
  stateBytes: number
}

/** What an invocation says of the window it is in. */
export interface BatchWindow {
  readonly startMs: number
  readonly endMs: number
  readonly state: string
  readonly isFinal: boolean
  readonly isTerminatedEarly: boolean
}

/** The window of a lane's next record: the one it is in, or a new one; undefined while one has to end first. */
export function windowOfNext(lane: Lane, { lengthMs }: TumblingRules): LaneWindow | undefined {
  const next = lane.nextWaiting
  if (next === undefined) return undefined
  if (lane.window === undefined) {
    const startMs = Math.floor(next.timestampMs / lengthMs) * lengthMs
    const endMs = startMs + lengthMs
    lane.window = { startMs, endMs, state: '{}', stateBytes: 2 }
    lane.windowHolds.opened(startMs, endMs, next.offset)
  }
  // A record of an earlier time than its window's goes with what came before it.
  return next.timestampMs < lane.window.endMs && !isFull(lane.window) ? lane.window : undefined
}

/** Takes the state over that a function returned, where it returned one. */
export function handOn(lane: Lane, state: string | undefined): void {
  if (lane.window === undefined || state === undefined) return
  lane.window.state = state
  lane.window.stateBytes = Buffer.byteLength(state)
}

export class TumblingWindows {
  readonly #rules: TumblingRules
  readonly #pollers: EventPollers

  constructor(rules: TumblingRules, pollers: EventPollers) {
    this.#rules = rules
    this.#pollers = pollers
  }

  /** Lanes whose window is to end now; each is to have its final invocation begun before the next is asked for. */
  *ending(partitions: Iterable<Partition>, nowMs: number): Generator<[Lane, 'over' | 'early']> {
    for (const partition of partitions) {
      if (!partition.assigned) continue
      for (const lane of partition.lanes) {
        if (lane.window === undefined || lane.isInFlight) continue
        const how = this.#isOver(partition, lane, nowMs)
          ? 'over'
          : this.#mustEnd(partition, lane)
            ? 'early'
            : undefined
        if (how === undefined || !this.#pollers.hasRoomOf(lane)) continue
        this.#pollers.withdraw(lane)
        lane.beginClosing()
        yield [lane, how]
      }
    }
  }

  /** When the first window ends that nothing comes for; undefined where none is open. */
  dueMs(partitions: Iterable<Partition>): number | undefined {
    let first: number | undefined
    for (const { lanes, assigned } of partitions) {
      if (!assigned) continue
      for (const lane of lanes) {
        const { window, isInFlight, waiting } = lane
        if (window === undefined || isInFlight || waiting > 0) continue
        const dueMs = window.endMs + this.#rules.idleMs
        if (this.#pollers.hasRoomOf(lane) && dueMs < (first ?? Infinity)) first = dueMs
      }
    }
    return first
  }

  #isOver({ ended, latestMs }: Partition, lane: Lane, nowMs: number): boolean {
    const { window, nextWaiting } = lane
    if (window === undefined) return false
    if (nextWaiting !== undefined) return nextWaiting.timestampMs >= window.endMs
    // Records of a shard come in the order of their times, so one of a later time says that all are here.
    return ended || latestMs >= window.endMs || nowMs >= window.endMs + this.#rules.idleMs
  }

  #mustEnd(partition: Partition, { window, waiting }: Lane): boolean {
    if (window !== undefined && isFull(window)) return true
    return waiting === 0 && partition.spread >= (this.#rules.recordsMax ?? Infinity)
  }
}

function isFull({ stateBytes }: LaneWindow): boolean {
  return stateBytes > windowStateMaxBytes
}
