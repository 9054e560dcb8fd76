// Keeps how far the tumbling windows of a partition hold its checkpoint back.
import type { LaneRecord } from './lane.ts'

/** As much of a lane as decides about it. */
interface WindowedLane {
  readonly window: { readonly startMs: number } | undefined
  readonly oldest: LaneRecord | undefined
}

/**
 * A window holds the checkpoint before its first record in any lane until it has ended in all of them: were it let go
 * by each lane alone, one that has ended would after a restart get the part of its records that is above another's.
 */
export class WindowHolds {
  readonly #held = new Map<number, { readonly endMs: number; offset: number }>()

  /** A lane's window has begun with the record at `offset`. */
  opened(startMs: number, endMs: number, offset: number): void {
    const held = this.#held.get(startMs)
    if (held === undefined) this.#held.set(startMs, { endMs, offset })
    else held.offset = Math.min(held.offset, offset)
  }

  /** Not above it may the checkpoint be; undefined where nothing is held back. */
  lowest(lanes: readonly WindowedLane[]): number | undefined {
    if (this.#held.size === 0) return undefined
    let lowest: number | undefined
    for (const [startMs, { endMs, offset }] of this.#held) {
      const isOpen = lanes.some(
        ({ window, oldest }) =>
          window?.startMs === startMs || (oldest?.timestampMs ?? Infinity) < endMs,
      )
      if (!isOpen) this.#held.delete(startMs)
      else if (offset < (lowest ?? Infinity)) lowest = offset
    }
    return lowest
  }
}
