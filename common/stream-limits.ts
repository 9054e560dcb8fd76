// Bounds of Kinesis streams and their shards, with the reason of each.

/** AWS: the longest that a stream may keep its records. */
export const retentionHoursMax = 8760

/** AWS: the shortest, and what a new stream has. */
export const retentionHoursMin = 24

/** AWS: shards that UpdateShardCount goes up to. */
export const updateShardCountMax = 10_000

/** AWS: UpdateShardCount calls of a stream within 24 hours. */
export const shardCountUpdatesMax = 10

/** How soon a resharding that the disk has stopped is tried again, twice as late each time: nobody waits for it, but no shard is to stay as it is for long. */
export const reshardingRetryMs = { least: 1_000, most: 60_000 }

/** AWS: changes of a stream's mode within 24 hours. */
export const modeChangesMax = 2

export const dayMs = 24 * 3_600_000

/** AWS: what one shard takes in a second, keys included. */
export const shardBytesInPerSecond = 1024 * 1024
export const shardRecordsInPerSecond = 1000

/** AWS: what one shard gives in a second to all readers that share it; a call of 10 MiB is paid off in five seconds. */
export const shardBytesOutPerSecond = 2 * 1024 * 1024
export const shardReadsPerSecond = 5

/** AWS: calls of GetShardIterator in a second, of one shard. */
export const shardIteratorsPerSecond = 5

/** AWS: the most shards that DescribeStream tells at a time. */
export const describedShardsMax = 100

/** AWS: the most names that ListStreams tells at a time. */
export const listedStreamsMax = 100

/** AWS: what ListShards tells at a time unless asked for another number. */
export const listedShardsDefault = 1000

/** AWS: how long a token of a next page is valid. */
export const pageTokenLifeMs = 300_000

/** AWS: what a stream in on-demand mode starts with. */
export const onDemandShards = 4

/** AWS: streams in on-demand mode; told, not held to: the broker's partitions are the limit here. */
export const accountOnDemandStreamsMax = 50

/** AWS: of a stream or a consumer. */
export const tagsMax = 50

/** AWS: of a resource policy. */
export const policyMaxBytes = 20_480

/** Streams with a histogram for each of three operations, thirty series together: more than these would be most of what a scrape has. */
export const latencyStreamsMax = 1000
