// Every bound on an execution environment and on what is handed to it, with its unit and its reason.

/** Lambda: a function's top level has ten seconds before they count against its timeout. */
export const handlerInitMaxMs = 10_000

/** A thread that has not even started by then never will; the machine is out of something. */
export const threadStartMaxMs = 30_000

/**
 * An invocation waits so long for one of its function's environments to be free before another one is made: a start
 * takes some 45 ms of a core, and whoever gets a free one meanwhile is served sooner. At AWS's pace it does not wait.
 */
export const startPatienceMs = 50

/** An end that a thread did not hear is said again: late enough to be rare, soon enough for a waiter. */
export const threadEndRepeatMs = 100

/** An event of so much is handed to its thread in shared memory: below it a copy is cheaper. */
export const sharedEventMinBytes = 16 * 1024

/** Such memory that waits to be used again, all functions together: events of 1 MB for 32 threads. */
export const eventMemorySpareMaxBytes = 32 * 1024 * 1024

/**
 * Above a function's memory, what V8 may still allocate before it aborts the whole process, as it
 * does when one array or table does not fit. Threads are ended long before: see `memoryCheckIntervalMs`.
 */
export const threadHeapHeadroomMb = 1024

/** How often it is looked whether memory grows: half a gigabyte can be filled in 250 ms. */
export const memoryCheckIntervalMs = 25

/** Busy threads are asked for their memory when the process has grown by so much since they were, and this often. */
export const memoryGrowthBytes = 8 * 1024 * 1024
export const memoryLookMaxMs = 250
