// Decides which shards of a stream are read: parents before their children, and from where each; pure.
import type { ShardCheckpoint } from '../../../control/registry/registry.ts'
import type { ShardDescription } from '../../../kinesis-client/answers.ts'
import type { StartPosition } from '../start-position.ts'

/** A shard that may be read now; `isLatest` where only what comes from now on counts. */
export interface ShardStart {
  readonly checkpoint: ShardCheckpoint
  readonly isLatest?: true
}

/**
 * Of a mapping that begins: what is known of each shard that there is. LATEST: shards that are over are so for the
 * mapping, too. AT_TIMESTAMP: a shard that was over by then has no record from that moment on, and ends at once.
 */
export function firstCheckpoints(
  shards: readonly ShardDescription[],
  position: StartPosition,
  nowMs: number,
): readonly ShardStart[] {
  if (position.kind === 'TRIM_HORIZON')
    return shards.map(({ shardId }) => ({ checkpoint: { shardId } }))
  if (position.kind === 'AT_TIMESTAMP') {
    const { timestampMs: fromMs } = position
    return shards.map(({ shardId }) => ({ checkpoint: { shardId, fromMs } }))
  }
  return shards.map(({ shardId, isClosed }) =>
    isClosed
      ? { checkpoint: { shardId, ended: true } }
      : { checkpoint: { shardId, fromMs: nowMs }, isLatest: true },
  )
}

/**
 * The shards that may be read: not finished, and their parents are, or are not there any more. A shard that
 * nothing is known of is new, and read from its first record (Lambda reads children of shards closed after it began
 * from TRIM_HORIZON).
 */
export function readable(
  shards: readonly ShardDescription[],
  known: ReadonlyMap<string, ShardCheckpoint>,
): readonly ShardCheckpoint[] {
  const listed = new Set(shards.map(({ shardId }) => shardId))
  const isOver = (parent: string | undefined): boolean =>
    parent === undefined || !listed.has(parent) || known.get(parent)?.ended === true
  return shards
    .filter(({ shardId }) => known.get(shardId)?.ended !== true)
    .filter((shard) => isOver(shard.parentShardId) && isOver(shard.adjacentParentShardId))
    .map(({ shardId }) => known.get(shardId) ?? { shardId })
}
