// Bounds of Kinesis consumers with enhanced fan-out and of their subscriptions, with the reason of each.

/** AWS: consumers of one stream. */
export const consumersMax = 20

/** AWS, On-demand Advantage: of a stream on demand in an account with a MinimumThroughputBillingCommitment. */
export const consumersAdvantageMax = 50

/** AWS: and of those, ones that are being made at a time. */
export const consumersCreatingMax = 5

/** AWS: so long a subscription lasts; its client then makes the next one. */
export const subscriptionMaxMs = 300_000

/** AWS: an event every five seconds at least, empty or not; a little sooner, since it has a way to go. */
export const subscriptionEventMs = 4_500

/** AWS: whoever subscribes anew within that time is refused; later the old subscription ends for the new one. */
export const subscriptionTakeOverMs = 5_000

/** Data and keys of one event: a slow client holds about as much, and a record that is larger comes alone. */
export const subscriptionEventMaxBytes = 512 * 1024

/** AWS: records of one event, as of GetRecords. */
export const subscriptionEventMaxRecords = 10_000

/** AWS: what a consumer gets of a shard in a second. */
export const subscriptionBytesPerSecond = 2 * 1024 * 1024
