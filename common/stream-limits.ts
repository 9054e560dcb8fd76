// Bounds of Kinesis streams and their shards, with the reason of each.

/** AWS: the longest that a stream may keep its records. */
export const retentionHoursMax = 8760

/** AWS: the shortest, and what a new stream has. */
export const retentionHoursMin = 24

/** AWS: shards that UpdateShardCount goes up to. */
export const updateShardCountMax = 10_000

/** AWS: UpdateShardCount calls of a stream within 24 hours. */
export const shardCountUpdatesMax = 10

/** AWS: changes of a stream's mode within 24 hours. */
export const modeChangesMax = 2

export const dayMs = 24 * 3_600_000
