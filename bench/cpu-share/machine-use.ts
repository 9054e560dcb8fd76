// What the machine did beside this process: work of others, and time that its host took.
import { readdirSync, readFileSync } from 'node:fs'
import { processStat } from '../../workers/process/proc-files.ts'

/** Linux counts in hundredths of a second on every architecture that Node runs on. */
const msPerTick = 10

/** In processors: 0.1 is a tenth of one, all the time. */
export interface MachineUse {
  readonly foreignCores: number
  readonly stolenCores: number
}

/** Begins to measure; the function ends it. Ticks blur it by some hundredths of a second. */
export function watchMachine(): () => MachineUse {
  const [startedMs, before, stolenBefore] = [performance.now(), othersMs(), stolenMs()]
  return () => {
    const wallMs = performance.now() - startedMs
    let foreignMs = 0
    for (const [pid, cpuMs] of othersMs()) foreignMs += Math.max(0, cpuMs - (before.get(pid) ?? 0))
    return { foreignCores: foreignMs / wallMs, stolenCores: (stolenMs() - stolenBefore) / wallMs }
  }
}

/**
 * Processor time of all other processes, the kernel's included. Not from /proc/stat: that samples at each tick, and
 * threads that go on when a period begins, which is a tick, are counted double there.
 */
function othersMs(): Map<number, number> {
  const others = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isNaN(pid) || pid === process.pid) continue
    const cpuMs = processStat(pid)?.cpuMs
    if (cpuMs !== undefined) others.set(pid, cpuMs)
  }
  return others
}

/** proc(5): user, nice, system, idle, iowait, irq, softirq, steal. */
function stolenMs(): number {
  const [first = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  return Number(first.split(/\s+/)[8] ?? 0) * msPerTick
}
