// Reads from /proc what threads and processes have used of the processor, in fractions of a millisecond.
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { governorTasksMax } from '../../common/cpu-limits.ts'
import { systemCode } from '../../common/errors.ts'

const nsPerMs = 1_000_000
/** proc(5): clock ticks of /proc/<pid>/stat, 100 a second on every Linux that Node runs on. */
const msPerTick = 10

/** A thread of this process; its file stays open. Throws the system's error where there is none. */
export class ThreadTimes {
  readonly #buffer = Buffer.alloc(64)
  #descriptor: number | undefined

  constructor(tid: number, proc = '/proc') {
    this.#descriptor = openSync(join(proc, 'self/task', String(tid), 'schedstat'), 'r')
  }

  /** `<ns on a processor> <ns waiting for one> <turns>`; undefined when the thread is gone. */
  usedMs(): number | undefined {
    if (this.#descriptor === undefined) return undefined
    try {
      const length = readSync(this.#descriptor, this.#buffer, 0, this.#buffer.length, 0)
      return Number.parseInt(this.#buffer.toString('latin1', 0, length), 10) / nsPerMs
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

/** A process and what it has started: finely what lives, and in hundredths of a second what has ended as well. */
export class ProcessTimes {
  readonly #pid: number
  readonly #proc: string
  readonly #toldMs = new Map<string, number>()
  #finelyMs = 0

  constructor(pid: number, proc = '/proc') {
    this.#pid = pid
    this.#proc = proc
  }

  /** Undefined when it is gone; never less than before. */
  usedMs(): number | undefined {
    const coarselyMs = this.#ticksMs()
    if (coarselyMs === undefined) return undefined
    for (const [task, ms] of this.#tasks()) {
      this.#finelyMs += Math.max(0, ms - (this.#toldMs.get(task) ?? 0))
      this.#toldMs.set(task, ms)
    }
    // Those that ended between two looks are in the ticks of their parent.
    this.#finelyMs = Math.max(this.#finelyMs, coarselyMs)
    return this.#finelyMs
  }

  /** utime, stime, and those of children that it has waited for: fields 14 to 17. */
  #ticksMs(): number | undefined {
    const stat = read(join(this.#proc, String(this.#pid), 'stat'))
    if (stat === undefined) return undefined
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * msPerTick, 0)
  }

  #tasks(): Map<string, number> {
    const found = new Map<string, number>()
    const processes = [String(this.#pid)]
    for (let pid = processes.pop(); pid !== undefined; pid = processes.pop()) {
      const directory = join(this.#proc, pid, 'task')
      for (const tid of list(directory)) {
        if (found.size >= governorTasksMax) return found
        const used = read(join(directory, tid, 'schedstat'))
        if (used !== undefined) found.set(`${pid}/${tid}`, Number.parseInt(used, 10) / nsPerMs)
        const children = read(join(directory, tid, 'children'))?.trim() ?? ''
        if (children !== '') processes.push(...children.split(' '))
      }
    }
    for (const task of this.#toldMs.keys()) if (!found.has(task)) this.#toldMs.delete(task)
    return found
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')
}
