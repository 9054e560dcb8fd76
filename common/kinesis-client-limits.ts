// Every bound of reading from a Kinesis API, with its unit and its reason; those of our own API are elsewhere.

/** AWS: an answer of GetRecords is at most 10 MiB of data; base64 and JSON make a third more of it, and some. */
export const kinesisAnswerMaxBytes = 16 * 1024 * 1024

/** As much as Node's own reader of HTTP takes: a head has less than 1 KiB. */
export const answerHeadMaxBytes = 16 * 1024

/** Answers whose records are finished, kept for the next ones: of a few shards that are behind. */
export const answerSpareMaxBytes = 48 * 1024 * 1024

/** Whoever has not begun to answer by then is away; GetRecords of AWS takes well below a second. */
export const kinesisRequestMaxMs = 15_000

/** Connections to one endpoint, kept open: calls beyond them wait. A subscription has one of its own for its time. */
export const kinesisConnectionsMax = 64

/** AWS: GetRecords gives at most so many records. */
export const getRecordsMax = 10_000

/** A stream that a template asks for is waited for: AWS makes one in a minute at most, others at once. */
export const streamActiveMaxMs = 60_000
export const streamActivePollMs = 200

/** AWS: shards of one ListShards answer. */
export const listShardsMax = 1000

/** More than any stream has, open and closed ones of a retention together; who lists more is not believed. */
export const streamShardsMax = 100_000

/** AWS: five calls of GetRecords a second for a shard; and Lambda makes one while there is nothing. */
export const awsPollMs = 200
export const awsIdlePollMs = 1000

/** Here a call costs a tenth of a millisecond of each side: a hundred a second are a few per cent of a core. */
export const localPollMs = 10
export const localIdlePollMaxMs = 1000

/** After a refusal or a failure: the first wait, and the longest. */
export const kinesisRetryMs = 250
export const kinesisRetryMaxMs = 10_000

/** Each checkpoint is a flushed file, or a write to Redis: one a second and mapping. */
export const checkpointIntervalMs = 1000

/** AWS: a subscription has an event every five seconds, records or not; who is silent for longer is gone. */
export const subscriptionSilenceMaxMs = 30_000
