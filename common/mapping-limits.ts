// Every bound of an event source mapping, with its unit and its reason; the others are in limits.ts.

/** A mapping's unfinished records as event text: ten full batches; above it reading pauses. */
export const mappingBufferMaxBytes = 64 * 1024 * 1024

/** Lambda: an event poller runs up to five invocations side by side, or so AWS's guides have it. */
export const invocationsPerPoller = 5

/** A mapping of a stream without event pollers of its own: its lanes are fewer, so that it is no bound. */
export const streamInvocationsMax = 100_000

/** Lambda: MinimumPollers and MaximumPollers of a Kafka mapping, and what they are if not given. */
export const minimumPollersMax = 200
export const maximumPollersMax = 2000
export const minimumPollersDefault = 1
export const maximumPollersDefault = 200

/** Lambda: the mappings of one PollerGroupName, and the MaximumPollers of all of them together. */
export const pollerGroupMappingsMax = 100
export const pollerGroupPollersMax = 2000

/** Lambda looks at the offset lag once a minute; here a load test of a minute wants to see it act. */
export const scalingIntervalMs = 1000

/** Lambda, on demand: event pollers come and go within three minutes of a look. */
export const awsScalingIntervalMs = 60_000
export const awsScalingEffectMaxMs = 180_000

/** Lambda: what an event poller reads in a second at most. */
export const awsPollerBytesPerSecond = 5 * 1024 * 1024

/** So long must event pollers be too many before some go: a spike is seldom alone. */
export const scalingCalmMs = 10_000

/** After a throttle no event poller is added for so long, and not above what was refused for longer. */
export const throttleCautionMs = 10_000
export const throttleMemoryMs = 60_000

/** The same where there is a look a minute: two looks, two looks, five looks. */
export const awsScalingCalmMs = 120_000
export const awsThrottleCautionMs = 120_000
export const awsThrottleMemoryMs = 300_000

/** Each commit is a flushed write in the broker: ten a second bound its cost at any rate of batches. */
export const mappingCommitIntervalMs = 100

/** So long a commit waits that failed: the broker is away, or the group is in a rebalance. */
export const commitRetryMs = 1000

/** Lambda publishes no backoff; recorded counts fit doubling from one second. */
export const retryBaseMs = 1000
export const retryMaxMs = 60_000

/** Lambda, Kafka: retries when there is a destination and no other number was asked for. */
export const destinationRetriesMax = 10

/** One request to a destination: below the 1 MiB that a topic takes by default, all of it one partition's. */
export const destinationRequestMaxBytes = 768 * 1024

/** The key of a record that no event can hold: longer ones are left out, and with them their partition. */
export const oversizedKeyMaxBytes = 64 * 1024

/** Lambda: MaximumRetryAttempts and MaximumRecordAgeInSeconds; -1 is without end. */
export const retryAttemptsMax = 10_000
export const recordAgeMinSeconds = 60
export const recordAgeMaxSeconds = 604_800

/** AWS: an event poller unit is ten event pollers, or 20 MB a second of what they read. */
export const pollersOfUnit = 10
export const bytesPerSecondOfUnit = 20e6

/** Why a mapping is behind is judged from so many looks, one in this time. */
export const lagLookIntervalMs = 1000
export const lagLooksMax = 6

/** How old the lag may be that the API shows: each is a write to the registry, beyond that of a new cause. */
export const lagStatusIntervalMs = 10_000

/** Partitions named in the API, those furthest behind. */
export const lagPartitionsMax = 10

/** Partitions of all mappings together that have metrics of their own; with more there are none. */
export const partitionSeriesMax = 1000

/** AWS Secrets Manager: a secret has at most 64 KiB. */
export const secretMaxBytes = 64 * 1024

/** Lambda: entries of SourceAccessConfigurations, and the length of the URI of each. */
export const sourceAccessMax = 23
export const sourceAccessUriMaxLength = 200

/** Lambda: with LoggingConfig DEBUG a mapping's offsets are logged once a minute. */
export const offsetsLogIntervalMs = 60_000

/** Lambda: ParallelizationFactor. */
export const parallelizationFactorMax = 10

/**
 * How far the lanes of a partition may be ahead of the one that hangs: all of it would come again after a crash, and a
 * stream's sequence numbers are kept for all of it, of about 100 bytes each.
 */
export const spreadMax = 100_000

/** Lambda: TumblingWindowInSeconds, and the state of a window: one above it is ended early. */
export const tumblingWindowMaxSeconds = 900
export const windowStateMaxBytes = 1024 * 1024

/**
 * Lambda waits up to two minutes for late records of a window; here somebody may be waiting for the result. Longer than
 * any source takes to be asked again.
 */
export const awsWindowIdleMs = 120_000
export const windowIdleMs = 5000

/** Records of a shard that windows may hold back from its checkpoint: fifteen minutes at a shard's 1,000 a second. */
export const windowRecordsMax = 1_000_000
