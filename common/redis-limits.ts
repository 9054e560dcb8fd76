// Bounds on what copies of a role share through Redis: how long each waits for it, and for the others.

/** Between two attempts to reach Redis: first and at most. */
export const redisRetryMs = 50
export const redisRetryMaxMs = 1_000

/** A start waits so long for Redis, which may start beside it; then it fails and says why. */
export const redisStartMaxMs = 10_000

/** A command that Redis has not answered by then has failed, and its connection is made anew. */
export const redisCommandMaxMs = 2_000

/** A change whose notice was lost is seen after this long. */
export const registryRereadMs = 5_000

/** A poller says so often that it lives, and looks for mappings that nobody runs. */
export const leaseBeatMs = 1_000

/** A poller not heard of for so long is dead: with a beat for each of the others, taken over in 8 s. */
export const leaseTtlMs = 6_000

/** A copy of the workers says so often what it runs, and gives back what it does not need. */
export const quotaBeatMs = 1_000

/** A copy not heard of for so long is dead: what it ran counts no more. */
export const quotaTtlMs = 5_000

/** No copy of the workers heard for so long: Redis was away, and until their next beats none is dead. */
export const quotaSilenceMs = 3_000

/** Where a pool has fewer executions than copies, one keeps its turn for so long if others wait. */
export const quotaTurnMs = 2_000

/** An execution that ends where others wait is told of by then: twenty exchanges a second bound the cost. */
export const quotaHandOverMs = 50

/** What a refused copy may still be given: until its caller tries again, as pollers do after 72 s at most. */
export const quotaClaimMinMs = 5_000
export const quotaClaimMaxMs = 75_000

/** A pool that no copy touches is forgotten: longer than any invocation of before may last. */
export const quotaPoolLifeMs = 16 * 60_000

/** Pools that one script goes through, so that Redis is not held up by thousands. */
export const quotaPoolsPerExchange = 200
