// Says how long a batch waits before it is tried again.
import { retryBaseMs, retryMaxMs } from '../common/mapping-limits.ts'

const jitter = 0.2

/**
 * The wait after the `failures`th failure in a row (1 is the first): doubling from one second to a
 * minute, ±20 %, so that batches that failed together do not come back together. `random` is in [0, 1).
 */
export function retryDelayMs(failures: number, random: number): number {
  const factor = 1 + jitter * (2 * random - 1)
  return Math.min(retryMaxMs, Math.round(retryBaseMs * 2 ** (failures - 1) * factor))
}
