// The bounds of execution environments that are processes, with their reasons.

/** Lambda: file descriptors of one environment. */
export const runtimeFilesMax = 1024

/** Connections of one environment to its Runtime API: a runtime needs one or two. */
export const runtimeApiConnectionsMax = 16

/** Lambda: a runtime has two seconds to shut down, all told. */
export const processEndGraceMs = 1_500

/** An environment without an event is frozen after this long: under load it is not, which saves two signals an event. */
export const freezeDelayMs = 5

/** A pipe holds 64 KB and a turn of the event loop reads that much: more than one for late writers. */
export const outputTurnsMax = 16

/**
 * Looks for what has left an ended environment's process group: each may have started another meanwhile. Hundreds that
 * are killed take a second to be gone where others have the processors.
 */
export const strayLooksMax = 200
export const strayLookMs = 5

/** How often the memory of all that busy processes have started is summed; it reads all of /proc. */
export const processScanIntervalMs = 250

/** On a machine with thousands of processes less often: a fiftieth of the time goes into it at most. */
export const processScanCostFactor = 50

/** A runtime that was not found is looked for again after this long: it may have been installed. */
export const runtimeSearchRepeatMs = 10_000

/** A program that is asked for its version has answered by then, or is none that could run functions. */
export const runtimeSearchMaxMs = 10_000

/** How often the temporary directories of busy processes are summed: a disk takes 100 MB meanwhile. */
export const storageCheckIntervalMs = 100

/** Many files take long to look at: a twentieth of the time goes into it at most. */
export const storageLookCostFactor = 20
