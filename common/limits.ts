// Every bound on what a client, a handler or a file can make grow, with its unit and its reason.

/** Kafka: socket.request.max.bytes. A frame above it closes the connection. */
export const frameMaxBytes = 100 * 1024 * 1024

/** Kafka: max.message.bytes, the largest record batch a topic takes by default (1 MiB + header). */
export const recordBatchMaxBytes = 1024 * 1024 + 12

/** Kafka 4.4: a decoder refuses arrays longer than this before it allocates anything. */
export const arrayMaxElements = 1_000_000

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

/** How long a stopping process waits for batches and requests in flight. */
export const stopGraceMs = 10_000
