// Every bound on producers with an id and on their transactions, with its unit and its reason.
import assert from 'node:assert/strict'

/** Kafka: producer.id.expiration.ms, after which a silent producer's sequences are forgotten. */
export const producerIdExpirationMs = 24 * 3_600_000

/** Producers that all partitions together remember, about 600 bytes each; the longest silent go first. */
export const producersMax = 100_000

/** Producer ids that are set aside on disk at a time: one write for so many new producers. */
export const producerIdBlock = 1_000

/** Kafka: transaction.max.timeout.ms, the longest a transaction may hold up readers of committed records. */
export const transactionTimeoutMaxMs = 900_000

/** Kafka: transaction.abort.timed.out.transaction.cleanup.interval.ms. */
export const transactionTimeoutCheckIntervalMs = 10_000

/** Kafka: transactional.id.expiration.ms, counted from the last change of an id's state. */
export const transactionalIdExpirationMs = 7 * 24 * 3_600_000

/** Transactional ids that are known: each is kept in memory and in the journal. */
export const transactionalIdsMax = 10_000

/** Partitions of all open transactions together: each holds a producer in memory that must not be forgotten. */
export const transactionPartitionsMax = 50_000

/** Between two attempts to write the markers of a transaction that is decided. */
export const transactionMarkerRetryMs = 500

/** What may be appended to __transaction_state before the states are written anew and the rest dropped. */
export const transactionsJournalMaxBytes = 16 * 1024 * 1024

/** Offsets of open transactions, of all groups together; held in memory until the transaction ends. */
export const pendingOffsetsMax = 100_000

assert(transactionPartitionsMax < producersMax, 'open transactions leave room for other producers')
