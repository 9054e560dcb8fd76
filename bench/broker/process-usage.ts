// What a process has used, as Linux tells it: CPU time and resident memory.
import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second on every architecture that Node runs on. */
const ticksPerSecond = 100

/** CPU time of all its threads, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export function residentKiB(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib)
}

/** How many processes wanted a processor over the last minute: above the number of cores, figures are not quiet. */
export function machineLoad(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0])
}
