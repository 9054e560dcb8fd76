// Bounds on consumer groups, their members and the offsets they keep.

/** Consumer groups that have members or offsets: each is kept in memory. */
export const groupsMax = 10_000

/** Ids of groups and of their members, names of their strategies: other clients are told them. */
export const groupTextMaxBytes = 1024

/** A shorter rebalance would end before its members could hear of it, and the next begin at once. */
export const rebalanceTimeoutMinMs = 100

/** Members of one group, ids given out included: a rebalance answers each with a share of all. */
export const groupMembersMax = 1_000

/** Kafka: group.min.session.timeout.ms and group.max.session.timeout.ms. */
export const groupSessionTimeoutMinMs = 6_000
export const groupSessionTimeoutMaxMs = 1_800_000

/** Kafka: a member that never saw a generation is given up by then, whatever session it asked for. */
export const newMemberTimeoutMs = 300_000

/** A member's subscriptions of one join, or one assignment: ten thousand partitions' names fit. */
export const memberMetadataMaxBytes = 256 * 1024

/** Kafka: offset.metadata.max.bytes, the text a consumer may keep with an offset. It counts UTF-16 units. */
export const offsetMetadataMaxLength = 4096

/** Kafka: offsets.retention.minutes, counted from when a group has no members. */
export const offsetsRetentionMs = 7 * 24 * 3_600_000

/** How often offsets are looked through for groups whose retention is over. */
export const offsetsRetentionCheckIntervalMs = 600_000
