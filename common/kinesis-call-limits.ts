// Bounds of what the load test and HTTP ingestion put by the Kinesis API, with the reason of each.

/** AWS: entries of one PutRecords. */
export const kinesisPutMaxEntries = 500

/** AWS: data and keys of one PutRecords are 10 MiB at most; less, so that its CBOR is so as well. */
export const kinesisPutMaxBytes = 9 * 1024 * 1024

/** An answer of PutRecords tells each entry's place in some 150 bytes. */
export const kinesisCallAnswerMaxBytes = 1024 * 1024

/** Whoever is silent for so long is away. */
export const kinesisCallMaxMs = 30_000

/** Connections to one endpoint; calls beyond them wait for one. */
export const kinesisCallsMax = 64

/** API Gateway takes 10 MB at most, as does a request of Kinesis. */
export const ingestBodyMaxBytes = 10 * 1024 * 1024

/** Of all requests under way; beyond it they are asked to come again. */
export const ingestBodiesMaxBytes = 64 * 1024 * 1024

/** Until a body is there; API Gateway ends what takes longer than 29 s. */
export const ingestBodyMaxMs = 29_000

/** Records of one request: twenty calls of PutRecords. */
export const ingestRecordsMax = 10_000

/** AWS: of a partition key. */
export const partitionKeyMaxLength = 256
