// Starts processes by way of a small one, looks after them with it, and tells when they end.
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { systemCode } from '../../common/errors.ts'
import { compileCache } from '../thread-limits.ts'
import type {
  LauncherReply,
  LauncherRequest,
  LaunchPlan,
  ProcessEnd,
  SessionsMemory,
  StartedWith,
} from './launcher-messages.ts'

const program = fileURLToPath(new URL('./launcher-process.ts', import.meta.url))

export interface Launched {
  readonly pid: number
  /** How it ended. */
  readonly ended: Promise<ProcessEnd>
}

type Answer = Exclude<LauncherReply, { type: 'failed' | 'ended' }>

interface Asked {
  readonly answered: (answer: Answer) => void
  readonly failed: (error: Error) => void
  readonly ended: (end: ProcessEnd) => void
  pid: number
}

/**
 * To start a process the kernel copies the page tables of who starts it, for 30 ms at half a gigabyte and 120 ms and
 * more at one and a half, in which the platform stands still. The launcher has next to no memory.
 * It is there from the first process on. Looks through all of /proc are its work too.
 */
export class Launcher {
  readonly #asked = new Map<number, Asked>()
  #child: ChildProcess | undefined
  #lastId = 0

  /** Of the launcher itself; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Makes a named pipe. Rejects with why it cannot be made. */
  async pipe(path: string): Promise<void> {
    await this.#once((id) => ({ id, type: 'pipe', path }))
  }

  /** In a session of its own. Rejects when the machine can start no process. */
  async start(plan: LaunchPlan): Promise<Launched> {
    const { answer, ended } = this.#ask((id) => ({ id, type: 'start', plan }))
    const started = await answer
    return { pid: started.type === 'started' ? started.pid : 0, ended }
  }

  /** Kills all who were started so, by whichever way from each other; resolves with how many were found. */
  async end(startedWith: StartedWith): Promise<number> {
    const answer = await this.#once((id) => ({ id, type: 'end', startedWith }))
    return answer.type === 'killed' ? answer.processes : 0
  }

  /** What is in the sessions of these leaders. */
  async memory(leaders: readonly number[]): Promise<SessionsMemory> {
    const answer = await this.#once((id) => ({ id, type: 'memory', leaders }))
    return answer.type === 'held' ? answer : { moreBytes: [], tookMs: 0 }
  }

  /** To be called when all that it started is gone; resolves when it is gone itself. */
  async close(): Promise<void> {
    const child = this.#child
    if (child?.connected !== true) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.ref()
    child.disconnect()
    await gone
  }

  /** Asks what has an answer and no end. */
  async #once(request: (id: number) => LauncherRequest): Promise<Answer> {
    const { id, answer } = this.#ask(request)
    const answered = await answer
    this.#asked.delete(id)
    return answered
  }

  #ask(request: (id: number) => LauncherRequest) {
    const child = (this.#child ??= this.#begin())
    const id = (this.#lastId += 1)
    const end = Promise.withResolvers<ProcessEnd>()
    const answer = Promise.withResolvers<Answer>()
    const failed = (error: Error): void => {
      this.#asked.delete(id)
      answer.reject(error)
    }
    this.#asked.set(id, { pid: 0, answered: answer.resolve, failed, ended: end.resolve })
    // Of one that could not be started, or is about to be gone, its error or end is told.
    if (child.connected) {
      child.send(request(id), (error) => {
        if (error !== null) failed(error)
      })
    }
    return { id, answer: answer.promise, ended: end.promise }
  }

  #begin(): ChildProcess {
    const child = fork(program, [], {
      // What belongs to the platform alone: a debugger's port, say.
      execArgv: [],
      env: { PATH: '/usr/bin:/bin', ...compileCache() },
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', (reply: LauncherReply) => this.#hear(reply))
    const lost = (reason: string): void => {
      if (this.#child === child) this.#lose(new Error(reason))
    }
    child.once('error', (error) => lost(error.message))
    child.once('exit', () => lost('the launcher of processes has ended'))
    child.unref()
    child.channel?.unref()
    return child
  }

  #hear(reply: LauncherReply): void {
    const asked = this.#asked.get(reply.id)
    if (asked === undefined) return
    switch (reply.type) {
      case 'started':
        asked.pid = reply.pid
        return asked.answered(reply)
      case 'made':
      case 'killed':
      case 'held':
        return asked.answered(reply)
      case 'failed':
        return asked.failed(new Error(reply.reason))
      case 'ended':
        this.#asked.delete(reply.id)
        return asked.ended({ code: reply.code, signal: reply.signal })
    }
  }

  /** It was ended from outside. Nobody would hear how those end that it started, so they end now; the next process has another. */
  #lose(error: Error): void {
    this.#child = undefined
    for (const [id, { pid, failed, ended }] of this.#asked) {
      this.#asked.delete(id)
      failed(error)
      if (pid > 0) killGroup(pid)
      ended({ code: null, signal: 'SIGKILL' })
    }
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It has gone by itself; on macOS a group of which only a zombie is left says EPERM.
    if (!['ESRCH', 'EPERM'].includes(systemCode(error) ?? '')) throw error
  }
}
