// Every bound of the Kinesis door and its API, with its unit and its reason.

/** Kinesis: a PutRecords request's data and keys; also a record's largest data, and an answer of GetRecords. */
export const kinesisRequestMaxBytes = 10 * 1024 * 1024

/** The same as a body of JSON: Base64 makes four bytes of three, and 500 entries bring names, keys and hash keys. */
export const kinesisPutBodyMaxBytes = 16 * 1024 * 1024

/** A body of any other operation: the largest are policies of 20 KB and lists of 50 tags. */
export const kinesisBodyMaxBytes = 256 * 1024

/** Connections to the door: each costs a file handle and its buffers. */
export const kinesisConnectionsMax = 4_000

/** And of one address: its fault leaves room for others; but a proxy may stand for many. */
export const kinesisConnectionsPerAddressMax = 2_500

/** Requests of one HTTP/2 connection at a time; subscriptions to shards stay open for minutes. */
export const kinesisStreamsPerConnectionMax = 256

/** What one HTTP/2 request may send before we have looked at it: a usual PutRecords comes without a wait. */
export const kinesisStreamWindowBytes = 1024 * 1024

/** And all requests of a connection together. */
export const kinesisConnectionWindowBytes = 4 * 1024 * 1024

/** Memory that Node lets one HTTP/2 connection hold, in MB: requests above it are turned away. */
export const kinesisSessionMemoryMaxMb = 64

/** Bodies of all connections, whole or in part; whoever brings more is asked to try again. */
export const kinesisBodiesMaxBytes = 256 * 1024 * 1024

/** Memory of bodies and answers that waits to be used again, a moment: dozens of the usual PutRecords, four answers of 10 MiB. */
export const kinesisBodySpareMaxBytes = 48 * 1024 * 1024

/** And answers that their clients have not taken yet, together: beyond it requests are turned away. */
export const kinesisAnswersMaxBytes = 256 * 1024 * 1024

/** Calls that control has handed on to the door and waits for; subscriptions are among them. */
export const kinesisForwardedMax = 2_000

/** Until a request's head is there, and then its body: the SDKs give up after a minute at most. */
export const kinesisHeadMaxMs = 60_000
export const kinesisBodyMaxMs = 60_000

/** A refused body is read on and dropped for so long, so that its client gets to see the refusal. */
export const kinesisRefusedBodyMaxMs = 5_000

/** Kinesis: a record's data, where the stream takes the largest. */
export const kinesisRecordMaxBytes = 10 * 1024 * 1024

/** Kinesis: entries of a PutRecords, and characters of a partition key. */
export const kinesisEntriesMax = 500
export const kinesisPartitionKeyMaxLength = 256

/** Kinesis: records of a GetRecords, and how long an iterator lives. */
export const kinesisReadMaxRecords = 10_000
export const kinesisIteratorMaxMs = 300_000

/** What is read of the log at a time for a GetRecords, before looking whether more is wanted. */
export const kinesisReadPieceBytes = 1024 * 1024
