// Ends the processes that handlers' threads have started, with all that those started, when the thread ends.
import { readdirSync, readFileSync } from 'node:fs'
import { systemCode } from '../common/errors.ts'

interface Thread {
  readonly threadId: number
}

/**
 * Lambda: a process goes with its environment. And a thread that waits for one, as `execSync` does, ends no sooner
 * than that. A thread that is gone has no children any more, they are another's: so they are noted before.
 */
export class ThreadChildren {
  /** The kernel's numbers of threads, by ours. */
  readonly #tids = new Map<number, number>()

  know(threadId: number, tid: number): void {
    // A handler can say it too, and the first to speak was the thread.
    if (!this.#tids.has(threadId)) this.#tids.set(threadId, tid)
  }

  /** Of threads some of which are about to be ended; then to be called with each of these, when it has been told. */
  note(threads: readonly Thread[]): (thread: Thread) => void {
    const before = new Map(threads.map(({ threadId }) => [threadId, this.#pids(threadId)]))
    return ({ threadId }) => {
      killAll([...(before.get(threadId) ?? []), ...this.#pids(threadId)])
    }
  }

  forgetAllBut(threads: readonly Thread[]): void {
    const alive = new Set(threads.map(({ threadId }) => threadId))
    for (const id of this.#tids.keys()) if (!alive.has(id)) this.#tids.delete(id)
  }

  #pids(threadId: number): readonly number[] {
    const tid = this.#tids.get(threadId)
    return tid === undefined ? [] : descendantsOf(tid)
  }
}

/** For a thread that ends by itself. */
export function endChildrenOf(tid: number): void {
  killAll(descendantsOf(tid))
}

/** Of a thread of this process. Where the system does not say there are none. */
function descendantsOf(tid: number): readonly number[] {
  const found = childrenOf('self', String(tid))
  // Grows while it is walked.
  for (const pid of found) {
    for (const task of namesIn(`/proc/${pid}/task`)) found.push(...childrenOf(String(pid), task))
  }
  return found
}

function childrenOf(pid: string, tid: string): number[] {
  const text = orNothing(() => readFileSync(`/proc/${pid}/task/${tid}/children`, 'latin1')) ?? ''
  return text
    .split(' ')
    .filter((each) => each !== '')
    .map(Number)
}

function namesIn(directory: string): readonly string[] {
  return orNothing(() => readdirSync(directory)) ?? []
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) orNothing(() => process.kill(pid, 'SIGKILL'))
}

/** What has ended meanwhile, or another user's, is left. */
function orNothing<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
