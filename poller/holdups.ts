// Says which lanes are held up by what became of their batch, and how.
import type { Batch, Discard } from './batch.ts'
import type { Lane } from './lane.ts'

/** A lane's batch that is not through has failed so often, was throttled last, or no destination takes it. */
export interface Holdup {
  readonly failures: number
  readonly isThrottled: boolean
  readonly isUndelivered: boolean
}

/** `failing` are batches to be sent again, `undelivered` what a destination has refused. */
export function holdupsOf(
  failing: Iterable<Batch>,
  undelivered: Iterable<Discard>,
): ReadonlyMap<Lane, Holdup> {
  const holdups = new Map<Lane, Holdup>()
  for (const { groups, attempts: failures, isThrottled = false } of failing) {
    const holdup = { failures, isThrottled, isUndelivered: false }
    for (const { lane } of groups) holdups.set(lane, holdup)
  }
  for (const { groups } of undelivered) {
    const holdup = { failures: 0, isThrottled: false, isUndelivered: true }
    for (const { lane } of groups) holdups.set(lane, holdup)
  }
  return holdups
}
