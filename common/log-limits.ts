// Every bound of functions' logs, with its unit and its reason; the others are in limits.ts.

/** CloudWatch Logs: one event, with the 26 bytes that each is counted for beside its text. */
export const logEventMaxBytes = 1024 * 1024
export const logEventOverheadBytes = 26

/** CloudWatch Logs: the name of a log group or of a log stream. */
export const logNameMaxLength = 512

/** Log groups of one data directory: one for each function that may exist, and as many by hand. */
export const logGroupsMax = 20_000

/** What a function's log may grow by in a second, and at once: 45,000 empty invocations a second. */
export const logRateMaxBytes = 16 * 1024 * 1024
export const logBurstMaxBytes = 32 * 1024 * 1024

/** Lines that wait for the disk: of one function, and of all together. Beyond them lines are dropped. */
export const logPendingMaxBytes = 16 * 1024 * 1024
export const logPendingTotalMaxBytes = 64 * 1024 * 1024

/** Lines are written so late at most, all of a function's environments in one write. */
export const logFlushIntervalMs = 100

/** A chunk: small enough to be read through at once, and to be dropped without a loss that is felt. */
export const logChunkMaxBytes = 4 * 1024 * 1024
export const logChunkMinBytes = 64 * 1024

/** A function's log is so many chunks at least, so that dropping the oldest leaves nearly all. */
export const logChunksPerGroup = 16

/** The least that a file takes on a disk: so much each counts, or small ones would be without end. */
export const logFileMinBytes = 4096

/** All logs are looked at once in so long at most, where what is new of them cannot be dropped yet. */
export const logTotalCheckMs = 10_000

/** A chunk without a new line for so long is closed; the next line opens it again. */
export const logIdleCloseMs = 5_000

/** Chunks open at once, whatever the number of functions. */
export const logOpenFilesMax = 128

/** Another copy's newest chunk may be one that it still writes, unless it has rested for so long. */
export const logForeignRestMs = 60_000

/** How often a writer looks whether the group that it writes to was deleted. */
export const logDeletedCheckMs = 1_000

/** One read of a chunk: between two of them others have their turn. */
export const logReadBytes = 256 * 1024

/** Requests that read logs at the same time; others wait. Each holds a read and what it has found. */
export const logReadersMax = 4

/** What is known of closed chunks, so that they are not read through twice: some hundred bytes each. */
export const logIndexesMax = 10_000

/** How often a log says that lines of it were dropped. */
export const logLossNoteIntervalMs = 1_000

/** CloudWatch Logs: events and bytes of one answer, and streams that one request names. */
export const logEventsMax = 10_000
export const logEventsBytesMax = 1024 * 1024
export const logStreamNamesMax = 100

/** CloudWatch Logs: a batch of PutLogEvents, as it counts it; as JSON with escapes it is a few times that. */
export const putLogEventsMaxBytes = 1_048_576
export const logRequestMaxBytes = 8 * 1024 * 1024

/** CloudWatch Logs: tags of one log group. */
export const logTagsMax = 50

/** What clients put into a group themselves where functions' logs are not kept. */
export const logGroupDefaultBytes = 64 * 1024 * 1024
export const logTotalDefaultBytes = 4 * 1024 * 1024 * 1024

/** Lines of one turn that are written together: a quarter of what a pipe of Linux takes at once. */
export const logBurstMaxChars = 16 * 1024

/** Lines for standard output that its reader has not taken yet; what comes beyond it is dropped. */
export const logLinesMaxBytes = 4 * 1024 * 1024

/**
 * What a handler in a thread may have written that the platform has not taken: a turn of the main thread that takes as
 * much is about a millisecond, most of it what each message costs whatever is in it.
 */
export const logAheadMaxChars = 16 * 1024
export const logMessageChars = 100

/** A handler waits no longer for the platform to take what it wrote. */
export const logTakenMaxMs = 100

/** Events of a log are written down in pieces: between two of them others have their turn. */
export const logPartMaxBytes = 128 * 1024

/** A full pipe is tried again after so long. */
export const logLineRetryMs = 20

/** At the end, a reader of standard output has so long to take what waits. */
export const logLinesStopMaxMs = 1_000

/** Faro: items of one request, items that wait, and between two requests. */
export const faroBatchItemsMax = 100
export const faroQueueItemsMax = 5_000
export const faroIntervalMs = 250

/** A collector that does not answer has taken nothing; and one that is away is asked again ever later. */
export const faroRequestMaxMs = 5_000
export const faroRetryMaxMs = 30_000

/** At the end, the collector has so long to take what waits. */
export const faroStopMaxMs = 2_000

/** Versions of functions that are known to Faro at once. */
export const faroFunctionsMax = 1_000
