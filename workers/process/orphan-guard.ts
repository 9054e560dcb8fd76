// Keeps a small process that ends all environments should this one be gone without having done so.
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./guard.sh', import.meta.url))

/**
 * A frozen process cannot watch for our end, so one that is never frozen does it for all. It hears of our
 * end by its standard input, in a session of its own, out of reach of the terminal's signals.
 */
export class OrphanGuard {
  readonly #directory: string
  readonly #pids = new Set<number>()
  #child: ChildProcess | undefined

  /** `directory` holds the private directories of all environments; it goes with them. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** The process that watches; undefined while there is nothing to watch. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  add(pid: number): void {
    this.#pids.add(pid)
    if (this.#child === undefined) this.#start()
    else this.#tell(`+ ${pid}`)
  }

  remove(pid: number): void {
    if (this.#pids.delete(pid)) this.#tell(`- ${pid}`)
  }

  /** To be called when all are gone; resolves when the directory is too. */
  async close(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return
    child.ref()
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.stdin?.end()
    await gone
  }

  #start(): void {
    const child = spawn('/bin/sh', [script, this.#directory], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#child = child
    child.unref()
    // It may be ended from outside; the next environment starts another.
    child.stdin.on('error', () => {})
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined
    })
    // Without a shell no environment starts either, and says so.
    child.once('error', () => {
      if (this.#child === child) this.#child = undefined
    })
    for (const pid of this.#pids) this.#tell(`+ ${pid}`)
  }

  #tell(line: string): void {
    this.#child?.stdin?.write(`${line}\n`)
  }
}
