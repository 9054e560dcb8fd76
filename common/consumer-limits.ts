// Every bound of our own Kafka consumer, with its unit and its reason; the others are in limits.ts.

/** An answer that is larger ends the connection. A batch may be larger than what was asked for, never so large. */
export const answerMaxBytes = 100 * 1024 * 1024

/**
 * One answer to a fetch: a millisecond or two of work, during which nothing else of the process runs. One partition may
 * fill it, and then its records are kept where they are: those of many partitions would hold each other's memory.
 */
export const fetchMaxBytes = 2 * 1024 * 1024

/** Memory of answers that waits to be used again: so much lies between a fetch and its handlers at full speed. */
export const fetchSpareMaxBytes = 64 * 1024 * 1024

/** Fetches of one partition that are known by the offset behind them, while none of them is finished. */
export const heldRunsMax = 1_000

/** A fetch that finds nothing waits so long at the broker: an idle mapping costs a request in this time. */
export const fetchWaitMs = 5_000

/** While a partition is paused: going on with it must not wait for the answer about the others. */
export const fetchWaitPausedMs = 50

/** Idle partitions that share one fetch: each one's record makes the broker answer, and all of them be asked for again. */
export const sharedWaitPartitionsMax = 100

/** A connection of a mapping's own that was not used for so long is closed, where it can do without. */
export const linkRestMs = 10_000

/** TCP, TLS and login together. */
export const connectMaxMs = 5_000

/** A request that is not answered by then ends the connection; what a broker waits for is added to it. */
export const requestMaxMs = 30_000

/** A stopping consumer says so in this time, or leaves it to the session timeout. */
export const leaveMaxMs = 1_000

/** A crashed member's partitions come free after a session timeout; Kafka takes no less than 6 s. */
export const sessionTimeoutMs = 6_000

/** And the time that members have to join again. */
export const rebalanceTimeoutMs = 6_000

/**
 * Kafka: at most a third of the session timeout. Members learn of a rebalance by it; most of what an idle mapping costs
 * is this request.
 */
export const heartbeatIntervalMs = 2_000

/** New partitions of a topic are found when the metadata is asked for again. */
export const metadataMaxAgeMs = 30_000

/** Between two tries of what a broker cannot do at the moment: first and at most. */
export const consumerRetryMs = 50
export const consumerRetryMaxMs = 1_000

/** So many tries in a row that failed are told, and the consumer begins anew. */
export const consumerTriesMax = 10

/** A login is renewed, by a new connection, when so much of its life is over. */
export const loginLifeShare = 0.8

/** RFC 7677 asks for 4,096; a server that wants more than this wants the processor's time. */
export const scramIterationsMax = 1_000_000
