// Decides where to read on in a log that does not have the offset that was asked for.
import { earliest, latest, offsetsAt, type OffsetsContext } from './offsets.ts'

/** Where logs begin and end, by partition. */
export interface LogBounds {
  readonly starts: ReadonlyMap<number, number>
  readonly ends: ReadonlyMap<number, number>
}

/** Where a partition stands; an offset below 0 is one of a log that is no more. */
export interface Standing {
  readonly partition: number
  readonly offset: number
}

/** Rejects as `offsetsAt`. */
export async function boundsOf(
  context: OffsetsContext,
  standings: readonly Standing[],
): Promise<LogBounds> {
  const partitions = standings.map(({ partition }) => partition)
  return {
    starts: await offsetsAt(context, partitions, earliest),
    ends: await offsetsAt(context, partitions, latest),
  }
}

/**
 * What retention took is passed over. A log that ends below the offset was cut or made anew, and is read
 * from its start: whatever is left of it was not read as it is now.
 */
export function placeWithin(
  { starts, ends }: LogBounds,
  { partition, offset }: Standing,
): { readonly offset: number; readonly isRewound: boolean } {
  const [start, end] = [starts.get(partition), ends.get(partition)]
  // Whoever leads it now may not have known its end when it refused.
  if (start === undefined || end === undefined) return { offset, isRewound: false }
  if (offset >= start && offset <= end) return { offset, isRewound: false }
  return { offset: start, isRewound: offset < 0 || offset > end }
}
