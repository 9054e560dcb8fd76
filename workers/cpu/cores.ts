// Says how many processor cores an environment is due for its memory size.
import { cpuBurstCores, memoryMbPerCore } from '../../common/cpu-limits.ts'

/** Lambda: in proportion to the memory size. */
export function coresOf(memorySizeMb: number): number {
  return memorySizeMb / memoryMbPerCore
}

/** While an environment starts: a whole core for those that are due less. */
export function burstCoresOf(memorySizeMb: number): number {
  return Math.max(cpuBurstCores, coresOf(memorySizeMb))
}
