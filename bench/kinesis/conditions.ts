// Under which conditions figures were measured: the machine, what else it did, and the code.
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'

/** `loadBefore`: as `machineLoad` said it before the run. */
export function conditions(loadBefore: number) {
  return {
    machine: {
      cpu: cpus()[0]?.model,
      cores: availableParallelism(),
      node: process.version,
      loadBefore,
    },
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  }
}
