// Reads what Linux says of processes in /proc; on other systems it says nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { systemCode } from '../../common/errors.ts'

/** The kernel counts processor time for users in hundredths of a second, on every machine (USER_HZ). */
const tickMs = 10

export interface ProcessStat {
  readonly session: number
  /** With that of children which have ended. */
  readonly cpuMs: number
}

/** Undefined where there is no such process, or no /proc. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = readOrNothing(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The second field is the program's name in brackets, with whatever is in it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return { session: field(6), cpuMs: (field(14) + field(15) + field(16) + field(17)) * tickMs }
}

/** What a process holds of the machine's memory, in bytes: now, and at most so far. */
export function processMemory(pid: number): { bytes: number; peakBytes: number } | undefined {
  const text = readOrNothing(`/proc/${pid}/status`)
  if (text === undefined) return undefined
  // A zombie has no such lines.
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0)
  return { bytes: kilobytes('VmRSS') * 1024, peakBytes: kilobytes('VmHWM') * 1024 }
}

/**
 * A process's part of what it shares with others and all that is its own: what a fork shares with its
 * parent counts once. Looks at each of its pages, so it costs more than `processMemory`.
 */
export function proportionalBytes(pid: number): number | undefined {
  const text = readOrNothing(`/proc/${pid}/smaps_rollup`) ?? ''
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1]
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024
}

/** The processes of each of these sessions but for its leader, whose id is the session's. */
export function sessionMembers(sessions: ReadonlySet<number>): Map<number, number[]> {
  const members = new Map<number, number[]>()
  for (const pid of processIds(listOrNothing())) {
    const session = processStat(pid)?.session
    if (session === undefined || session === pid || !sessions.has(session)) continue
    members.set(session, [...(members.get(session) ?? []), pid])
  }
  return members
}

/** Processes that were started with `name=value` in their environment, by whichever way from each other. */
export function processesWith(name: string, value: string): number[] {
  const entry = `\0${name}=${value}\0`
  // Those of other users cannot be read, and those that have ended neither.
  return processIds(listOrNothing()).filter((pid) =>
    `\0${readOrNothing(`/proc/${pid}/environ`) ?? ''}\0`.includes(entry),
  )
}

function processIds(names: readonly string[]): number[] {
  return names.filter((name) => /^\d+$/.test(name)).map(Number)
}

function listOrNothing(): string[] {
  try {
    return readdirSync('/proc')
  } catch (error) {
    return nothingWhereMissing(error) ?? []
  }
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    return nothingWhereMissing(error)
  }
}

/** Gone, of another user, or this process has no descriptor to spare: then it is looked at again later. */
const unreadable = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE'])

function nothingWhereMissing(error: unknown): undefined {
  if (unreadable.has(systemCode(error) ?? '')) return undefined
  throw error
}
