// What the machine did beside this process, from /proc/stat: work of others, and time that its host took.
import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second on every architecture that Node runs on. */
const msPerTick = 10

/** In processors: 0.1 is a tenth of one, all the time. */
export interface MachineUse {
  readonly foreignCores: number
  readonly stolenCores: number
}

/** Begins to measure; the function ends it. Ticks blur it by some hundredths of a second. */
export function watchMachine(): () => MachineUse {
  const [startedMs, before, ownBefore] = [performance.now(), machineMs(), process.cpuUsage()]
  return () => {
    const wallMs = performance.now() - startedMs
    const { user, system } = process.cpuUsage(ownBefore)
    const after = machineMs()
    const foreignMs = after.busy - before.busy - (user + system) / 1000
    return {
      foreignCores: Math.max(0, foreignMs / wallMs),
      stolenCores: (after.stolen - before.stolen) / wallMs,
    }
  }
}

/** proc(5): user, nice, system, idle, iowait, irq, softirq, steal. */
function machineMs(): { busy: number; stolen: number } {
  const [first = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * msPerTick)
  return { busy: user + nice + system + irq + softirq, stolen: steal }
}
