// Bounds on processor time: what a memory size is due, and how finely that is held.

/** Lambda: 1769 MB of memory come with one vCPU. */
export const memoryMbPerCore = 1769

/** Lambda: an environment that is made on demand starts with a whole vCPU, for ten seconds at most. */
export const cpuBurstCores = 1
export const cpuBurstMaxMs = 10_000

/**
 * A share is held in each period of a cgroup. 128 MB get 1.4 ms of 20, above the kernel's least of 1 ms; what a
 * thread holds when its quota is used up (a lock of the allocator) is held until the period ends, so no longer.
 */
export const cpuPeriodMs = 20

/**
 * A thread that has used up its quota may hold a lock that all threads of the process need. Who waits for one is looked
 * at this often, two looks make a stall: half a period at most. It takes one to two hundredths of a core.
 */
export const stallLookMs = 4

/** How often it is looked for threads that use up their quota; while none did for this long, for nothing else. */
export const stallScanMs = 250
export const stallAlertMs = 1_000

/** With many threads less often: a hundredth of the time goes into it at most. */
export const stallScanCostFactor = 100

/** Threads that are known to the watch; of more than fit two cores it cannot be said who holds what. */
export const stallThreadsMax = 1024

/** Groups that a killed process left, removed at a start: more than it can have had threads. */
export const cpuLeftoversMax = 10_000

/** A group goes when its last thread is gone, a moment after that was told: tried so often, and so far apart. */
export const cpuGroupRemovalsMax = 50
export const cpuGroupRemovalMs = 20

/**
 * The governor's bucket: what an environment may use at once after a rest, in time of its share. A pause takes a thread
 * 0.2 to 0.3 ms of its own time: half as many in a bucket of 100 ms as in one of 50.
 */
export const governorBucketMs = 100

/** A running environment is looked at no more often: each look reads a file of /proc. */
export const governorLookMinMs = 2

/** What a pause takes of a thread at least, given back to the handler: 0.2 of the 7.2 ms that 128 MB have in 100. */
export const governorPauseMs = 0.2

/** One pause: then it is looked at again, and goes on pausing if it must. */
export const governorPauseMaxMs = 100

/** A process that exits waits so long for a thread to wake; one in a system call does not hear. */
export const governorWakeMaxMs = 200

/** Processes and threads of one environment that are read: a handler may start as many as it likes. */
export const governorTasksMax = 256
