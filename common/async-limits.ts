// Every bound of asynchronous invocation, with its unit and its reason; the others are in limits.ts.

/** Lambda: the payload of an asynchronous invocation, 1 MB. */
export const asyncPayloadMaxBytes = 1_048_576

/** Lambda: MaximumRetryAttempts, and what it is when nothing was asked for. */
export const asyncRetriesMax = 2

/** Lambda: MaximumEventAgeInSeconds, the greatest is what holds when nothing was asked for. */
export const asyncEventAgeMinSeconds = 60
export const asyncEventAgeMaxSeconds = 21_600

/** Events that wait or run, all functions together: each takes a few hundred bytes of memory. */
export const asyncEventsMax = 100_000

/** And what they take on the disk, payloads included. */
export const asyncEventsMaxBytes = 1024 * 1024 * 1024

/** Invocations of the queue side by side: their payloads and results are in memory. */
export const asyncInvocationsMax = 256

/** And those of one function, half the environments that a machine has by default. */
export const asyncFunctionInvocationsMax = 32

/** Records for destinations of one function that are sent side by side. */
export const asyncFunctionDeliveriesMax = 8

/** Results of one function that wait for their destination: above it the function waits, too. */
export const asyncDeliveriesWaitingMax = 200

/** After a throttle a function's backlog rests so long: its events would only be refused one by one. */
export const asyncThrottlePauseMs = 1_000

/** A destination is tried so often, over 15 s; then the record is dropped and counted. */
export const asyncDeliveryAttemptsMax = 5
export const asyncDeliveryRetryMs = 1_000

/** Lambda stops a chain of functions that invoke each other after about so many. */
export const asyncHopsMax = 16

/** One file of the queue: what is read, and copied when it is nearly empty, at a time. */
export const asyncJournalFileMaxBytes = 16 * 1024 * 1024

/** One write to it: larger ones only make the first of their events wait for the last. */
export const asyncJournalCommitMaxBytes = 8 * 1024 * 1024

/** What finished events may take on the disk beside as much as the waiting ones, before it is freed. */
export const asyncJournalSlackBytes = 64 * 1024 * 1024

/** Two numbers and two ARNs of at most 350 characters, escaped. */
export const eventInvokeConfigRequestMaxBytes = 16 * 1024
