// The limits of provisioned concurrency and of AWS's pace, with their reasons.

/** Lambda, at its pace: 1,000 new environments a function every 10 s, kept for minutes without work. */
export const scalingBurst = 1000
export const scalingPerSecond = 100
export const scalingWarmMs = 5 * 60_000

/** Lambda, at its pace: invocations a second for each execution that the limit allows. */
export const invocationRatePerExecution = 10

/** A copy of the workers with anything provisioned says so often that it lives, and counts for dead after that long. */
export const workersBeatMs = 10_000
export const workersSilenceMs = 30_000

/** Lambda: 130 s to initialise a provisioned environment, or as long as the function's timeout. */
export const provisionedInitMaxMs = 130_000
/** The longest pause before an initialisation that failed is tried again. */
export const provisionedRetryMaxMs = 60_000
/** Longer than any timer of Node's can be set. */
export const keptIdleTimeoutMs = 2 ** 31 - 1
