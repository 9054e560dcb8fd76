// Every bound on what a client, a handler or a file can make grow, with its unit and its reason.

/** Kafka: socket.request.max.bytes. A frame above it closes the connection. */
export const frameMaxBytes = 100 * 1024 * 1024

/** Kafka: max.message.bytes, the largest record batch a topic takes by default (1 MiB + header). */
export const recordBatchMaxBytes = 1024 * 1024 + 12

/** Kafka 4.4: a decoder refuses arrays longer than this before it allocates anything. */
export const arrayMaxElements = 1_000_000

/** Kafka: a string's length is an int16; the compact form could say more. */
export const stringMaxBytes = 32_767

/** Kafka 4.4: and tagged sections with more fields than this. */
export const taggedFieldsMax = 10_000

/** Kafka: topic names are file names; 249 leaves room for a suffix in 255. */
export const topicNameMaxLength = 249

/** One topic's partitions: each costs file handles, so a typing error must not open a million. */
export const topicPartitionsMax = 10_000

/** Lambda: a synchronous payload, either way; the documented 6 MB, as the service measures it. */
export const payloadMaxBytes = 6_291_556

/** Lambda: an on-demand Kafka mapping's batching window when none was asked for. */
export const kafkaBatchingWindowDefaultMs = 500

/** Lambda: BatchSize runs to ten thousand records. */
export const batchSizeMax = 10_000

/** An idle connection to the workers' door: longer than pollers and control leave one unused, in practice. */
export const invokeKeepAliveMs = 10 * 60_000

/** How long a stopping process waits for batches and requests in flight. */
export const stopGraceMs = 10_000

/** Signals that ask for an end within this time are one, which came by two ways. */
export const sameSignalMs = 500

/** A compressed batch of one megabyte can unpack to a gigabyte; nobody sends more than a frame. */
export const unpackedBatchMaxBytes = 100 * 1024 * 1024

/** One write-ahead file: so much is replayed after a crash, and written twice before a checkpoint. */
export const walFileMaxBytes = 64 * 1024 * 1024

/** Write-ahead files that wait for a checkpoint; at this many, commits wait for it too. */
export const walFilesMax = 8

/** Write-ahead files that are kept to be written over: a steady load fills as many while a checkpoint is taken. */
export const walSparesMax = 4

/** Writes of so much in whole blocks go past the page cache: below, its copy costs less than a device's answer. */
export const blockWriteMinBytes = 128 * 1024

/** And reads, where the cache has little of the file: below, what it reads ahead and keeps is worth more. */
export const blockReadMinBytes = 256 * 1024

/** What lies in such memory while it is written: more in one write is hardly quicker. */
export const blockPieceBytes = 2 * 1024 * 1024

/** For as many partitions as go straight to their segments at a time, or half as many that fill one meanwhile. */
export const blockPieces = 4

/** One commit: larger ones only make the first of their appends wait for the last. */
export const commitMaxBytes = 16 * 1024 * 1024

/** Appends that wait for a commit, all partitions together; above it they are refused. */
export const appendQueueMaxBytes = 256 * 1024 * 1024

/** Committed bytes that are not in segments yet, held in memory; above it commits wait. */
export const logTailMaxBytes = 64 * 1024 * 1024

/** A partition's segment is written when so much has gathered: one call for many batches. */
export const segmentFillBytes = 1024 * 1024

/** Or after this time, so that a quiet partition does not stay in memory. */
export const segmentFillDelayMs = 200

/** A partition's part of a commit goes straight to its segment from this size on: the flush of one more file costs less. */
export const directMinBytes = 128 * 1024

/** And where its flush need not write more than so many times as much beside it, filled in and not flushed yet. */
export const directBehindMax = 4

/** Filled into a partition's segments and not flushed: a flush of more keeps commits from the disk for longer than they should wait. */
export const fillFlushBytes = 4 * 1024 * 1024

/** And no more partitions than this in one flush: each file costs the file system a commit of its own. */
export const directPartitionsMax = 4

/**
 * What a segment may be ahead of the flush that counts. After a power cut any of it may be missing and what follows be
 * there; a start cuts such a hole within this distance of the log's end, and takes what lies deeper for damage.
 */
export const directAheadMaxBytes = 16 * 1024 * 1024

/** What may lie in segments behind the last checkpoint without being in the write-ahead log: a start reads it all. */
export const unloggedMaxBytes = 1024 * 1024 * 1024

/** Segment files open at once, whatever the number of partitions. */
export const logOpenFilesMax = 512

/** Indexes of closed segments held in memory; they are read again when needed. */
export const indexCacheMaxBytes = 64 * 1024 * 1024

/** Kafka: index.interval.bytes, log bytes between two entries of a sparse index. */
export const indexIntervalBytes = 4096

/** How often retention looks for segments to drop. */
export const retentionCheckIntervalMs = 30_000

/** Kafka: log.cleaner.backoff.ms, how often compaction looks for partitions that are due. */
export const compactionIntervalMs = 15_000

/** What a round of compaction remembers keys in: a million of them at 24 bytes, three quarters full. */
export const compactionMapMaxBytes = 32 * 1024 * 1024

/** CloudFormation: a template is at most 1 MB. */
export const templateMaxBytes = 1_000_000

/** Deeper than any real template, shallow enough for the recursion that walks it. */
export const templateMaxDepth = 100

/** YAML aliases repeat a node as often as they like: what one megabyte may unfold to. */
export const templateMaxNodes = 200_000

/** Lambda: a deployment package as sent, and unpacked; the latter as its error text says it. */
export const codeZipMaxBytes = 50 * 1024 * 1024
export const codeUnzippedMaxBytes = 262_144_000

/** Lambda names no bound; each entry costs a file, so a typing error must not create a million. */
export const codeZipEntriesMax = 20_000

/**
 * What unpacks to more, or to more files, is unpacked in a thread of its own: it comes in pieces of 16 KB, each a turn
 * of the event loop and garbage. The thread itself takes 40 ms.
 */
export const codeUnpackedInlineMaxBytes = 1024 * 1024
export const codeUnpackedInlineEntriesMax = 100

/** Linux allows 4096 bytes for a whole path (PATH_MAX); half of it is left to the directory. */
export const codePathMaxBytes = 2048

/** Lambda: a request with 50 MB of zip in base64, and a little for the rest. */
export const functionRequestMaxBytes = 70_167_211

/** Requests of more than this count as large, of which so many are in memory at once: 200 MB each in the worst case. */
export const largeRequestMinBytes = 8 * 1024 * 1024
export const largeRequestsMax = 2

/** Lambda: a function behind a mapping of Kafka may run for 14 minutes, others for 15. */
export const kafkaFunctionTimeoutMaxSeconds = 840

/** Room for a mapping with ten servers and five filters of 4 KB, escaped. */
export const mappingRequestMaxBytes = 256 * 1024

/** PublishVersion and the like: a description of 256 characters, however they are escaped. */
export const versionRequestMaxBytes = 16 * 1024

/** 50 tags of 128 and 256 characters, of three bytes each; as much for escapes. */
export const tagsRequestMaxBytes = 128 * 1024

/** AddPermission: a statement of a policy of 20 KB. */
export const policyRequestMaxBytes = 32 * 1024

/** A form of AWS's query protocol: IAM's largest policy, whose characters are escaped. */
export const queryRequestMaxBytes = 128 * 1024

/** PutResourcePolicy: a policy of 20 KB, whose quotes and control characters are escaped. */
export const wholePolicyRequestMaxBytes = 128 * 1024

/** PutFunctionConcurrency says one number. */
export const concurrencyRequestMaxBytes = 1024

/** Lambda: so many executions stay for functions that reserve none, or this share of a small account. */
export const unreservedConcurrencyMin = 100
export const unreservedConcurrencyMinShare = 0.1

/** Lambda: all names and values of a function's environment together, as JSON. */
export const environmentMaxBytes = 4096

/** Lambda: X-Amz-Client-Context, as base64. */
export const clientContextMaxBytes = 3583

/** Entries of the registry are held in memory, and each mapping costs a consumer. */
export const functionsMax = 10_000
export const functionVersionsMax = 10_000

/** All aliases of a function are one entry, read whole by everyone at each change. */
export const functionAliasesMax = 500

export const mappingsMax = 10_000

/** Lambda: five filters a mapping, of 4096 characters each. */
export const filtersMax = 5
export const filterPatternMaxLength = 4096

/** Connections to one HTTP door at once: each may hold a request of 70 MB. */
export const httpConnectionsMax = 1000

/** Records the producer has offered and not seen acknowledged: the pacer waits at this many. */
export const producerInFlightMaxRecords = 20_000

/** The same in bytes: what a slow broker may make the producer hold. */
export const producerInFlightMaxBytes = 32 * 1024 * 1024

/** And where the broker's pace is the only one: two requests on the way, two ready. */
export const producerUnpacedInFlightMaxBytes = 4 * 1024 * 1024

/** One request of the producer: all of it may be one partition's batch (recordBatchMaxBytes). */
export const producerRequestMaxBytes = 1_000_000

/** A line of a file to send: no broker takes more in a record by default. */
export const producerLineMaxBytes = 1024 * 1024

/** More than any one client reaches; keeps rate × milliseconds an exact integer for ten days. */
export const producerRateMax = 10_000_000

/** A run whose first batch is not acknowledged by then will not get better: no topic, no leader. */
export const producerFirstAcknowledgementMs = 10_000

/** One batch of __consumer_offsets, below `recordBatchMaxBytes`; a group that is larger is not kept over a restart. */
export const journalBatchMaxBytes = 1_000_000

/** What may be appended to __consumer_offsets before the offsets are written anew and the rest dropped. */
export const offsetsJournalMaxBytes = 16 * 1024 * 1024

/** Kafka connections: each costs a file handle and its buffers. */
export const kafkaConnectionsMax = 4_000

/** Requests of one connection that are not answered yet; above it reading waits. Clients keep 5 or so. */
export const connectionRequestsMax = 64

/** And their bytes; a single larger frame is still taken. */
export const connectionInFlightMaxBytes = 16 * 1024 * 1024

/** Memory of frames that waits to be used again: what is in tails and on the way to the disk at full speed. */
export const frameSpareMaxBytes = 64 * 1024 * 1024

/** The same for what fetches read from segments, each way: an answer with what is read ahead; also the largest read that is made so. */
export const readSpareMaxBytes = 48 * 1024 * 1024

/** What nobody has used of either for so long is freed: longer than a pause between bursts, shorter than a look at the memory. */
export const spareIdleMaxMs = 10_000

/** What is read for consumers before they ask, all together: two of the largest answers to fetches. */
export const readAheadMaxBytes = 32 * 1024 * 1024

/** And for one partition: what clients take of one by default is 1 MiB. */
export const readAheadPieceMaxBytes = 4 * 1024 * 1024

/** How many answers ahead: a disk now and then takes longer for one than a client for the one before. */
export const readAheadPiecesMax = 2

/** Batches that segments have already, kept for consumers at the end of the log: a tenth of a second at full speed. */
export const recentBatchesMaxBytes = 32 * 1024 * 1024

/** Who has not come for it by then comes late or not at all. */
export const readAheadMaxAgeMs = 1_000

/** Requests of all connections, whole or in part; whoever brings more is disconnected. */
export const requestMemoryMaxBytes = 1024 * 1024 * 1024

/** And of a container's memory this share at most: beside it stand tails, indexes and the program. */
export const requestMemoryMaxShare = 0.25

/**
 * Kafka: fetch.max.bytes of a broker, whatever a client asks for; there 55 MB. A smaller answer is made while the
 * client takes the last one apart, in memory that is used again.
 */
export const fetchResponseMaxBytes = 16 * 1024 * 1024

/** A long poll ends by then, whatever a client asks for, so that no connection waits for ever. */
export const fetchWaitMaxMs = 60_000

/** EventBridge: so many ways through the `$or` of one pattern. */
export const filterOrCombinationsMax = 1000

/** Arrays in arrays of a record that a filter walks; a record of nothing but brackets must not kill. */
export const eventArrayNestingMax = 100

/** A status is a durable write; a mapping that alternates between OK and PROBLEM must not write more. */
export const statusIntervalMs = 1000

/** Between two attempts to reach a mapping's cluster: first and at most. */
export const sourceRestartMs = 250
export const sourceRestartMaxMs = 2_000

/** One fetch of a mapping: an idle one is answered by then, which also bounds how late a resume shows. */
export const sourceFetchWaitMs = 200

/** Partitions of all topics together: each costs memory and files of its own. */
export const brokerPartitionsMax = 20_000

/** A thread to be ended is asked first what CPU time it took; one in a system call cannot answer. */
export const threadCpuAskMaxMs = 100

/** Lambda: `LogType: Tail` gives the last 4 KB of an invocation's log. */
export const invocationLogTailBytes = 4096

/** Handler output that reaches the platform's log, per invocation; then only the tail is kept. */
export const invocationLogMaxBytes = 256 * 1024

/** The result of an invocation waits so long for log lines that its thread sent before it. */
export const logDeliveryMaxMs = 1_000

/** Events of invocations that wait for a thread, together; beyond it they are throttled. */
export const waitingPayloadsMaxBytes = 256 * 1024 * 1024

/** How long a waiting invocation may see warm threads of other functions go on before it. */
export const warmPreferenceMaxMs = 100

/** Files of a hot-reload directory that are looked at for changes; node_modules is not. */
export const hotReloadFilesMax = 2_000

/** Temporary directories of killed platforms, removed at a start: one for each function that ran. */
export const leftDirectoriesMax = 1_000

/** Connections from control or poller to the workers; one invocation each. */
export const remoteInvocationsMax = 1_024

/** Kafka: max.request.partition.size.limit, partitions in one page of a description. */
export const describePageMaxPartitions = 2_000

/** A destination that takes longer to be reached, or to answer, has failed; others wait behind it. */
export const destinationConnectMaxMs = 3_000
export const destinationRequestMaxMs = 10_000

/** Code that comes from a bucket: other changes of functions wait behind it. */
export const objectFetchMaxMs = 60_000

/** A thread is looked at so often, and is calm after so many looks at which it was no busier than this: a hundred small requests a second would feel the pause. */
export const idleLookIntervalMs = 5_000
export const idleLooks = 3
export const idleBusyShare = 0.08

/** V8 starts with 1 MB for new objects and may go to 128: so much is worth a collection. */
export const idleYoungMinBytes = 32 * 1024 * 1024

/** What little work there is may make V8 ask for room again: at most one collection, of up to half a second, in this time. */
export const idleCollectIntervalMs = 60_000

/** A collection takes some milliseconds for each ten megabytes in use, during which the thread does nothing else. */
export const idleUsedMaxBytes = 192 * 1024 * 1024
