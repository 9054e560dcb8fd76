// Claims a directory for one process: creates it, proves it writable and locks it.
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AppError, reasonOf, systemCode } from './errors.ts'

/** A held lock; `release` may be called more than once. */
export interface DirectoryLock {
  release(): void
}

/**
 * Creates `dir` where needed and locks it with a file that names this process. A lock whose process
 * has died is taken over. Throws AppError DATA_DIR_LOCKED or DATA_DIR_NOT_WRITABLE.
 */
export function claimDirectory(dir: string): DirectoryLock {
  const file = join(dir, 'lock')
  try {
    makeDurable(dir)
    writeLock(file, dir)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw new AppError('DATA_DIR_NOT_WRITABLE', { dir, reason: reasonOf(error) }, error)
  }
  return { release: () => rmSync(file, { force: true }) }
}

/** A file is as durable as the names on the way to it: each directory that was made is flushed in its parent. */
function makeDurable(dir: string): void {
  const first = mkdirSync(dir, { recursive: true })
  if (first === undefined) return
  for (let made = resolve(dir); made.length >= first.length; made = dirname(made))
    flushNames(dirname(made))
}

function flushNames(dir: string): void {
  const descriptor = openSync(dir, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function writeLock(file: string, dir: string): void {
  const own = `${process.pid} ${startOf(process.pid) ?? ''}`
  try {
    return writeFileSync(file, own, { flag: 'wx' })
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  const [pid, start] = readFileSync(file, 'utf8').split(' ')
  if (isAlive(Number(pid), start)) throw new AppError('DATA_DIR_LOCKED', { dir, pid: pid ?? '?' })
  writeFileSync(file, own)
}

// In a container every process is number 1, so a lock of our own number is an earlier life's
// unless it was taken by this very process.
function isAlive(pid: number, start: string | undefined): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
  const now = startOf(pid)
  if (now === 'ended') return false
  return now === undefined || start === undefined || start === '' || start === now
}

/** When a process started, in the kernel's ticks, or `ended`; undefined where there is none, or no /proc. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // From field 3 on: the name before it may hold blanks, proc(5). Field 22 is the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A killed process whose parent has not asked for its end is still listed, and holds nothing.
    return fields[0] === 'Z' ? 'ended' : fields[19]
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') return undefined
    throw error
  }
}
