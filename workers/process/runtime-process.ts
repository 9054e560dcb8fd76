// One child process with all that it starts: its output, and the signals to the whole of it.
import { constants, openSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Clock, Timer } from '../../common/clock.ts'
import { systemCode } from '../../common/errors.ts'
import {
  freezeDelayMs,
  outputTurnsMax,
  processEndGraceMs,
  strayLookMs,
  strayLooksMax,
} from '../../common/process-limits.ts'
import { exitReason } from './exit-reason.ts'
import type { Launched, Launcher } from './launcher.ts'

export interface RuntimeProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Its working directory: the task root. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  /** Its own, by TMPDIR: who is found with it has been started by this process. */
  readonly temporaryDirectory: string
  readonly launcher: Launcher
  readonly clock: Clock
  readonly onOutput: (chunk: Buffer) => void
  /** Called when the process has ended; `onExit` follows. */
  readonly onEnding: () => void
  /** Called once, when the process and its group are gone and their output was read. */
  readonly onExit: (reason: string) => void
}

/**
 * The process leads a session and a group of its own. Signals go to the group: what a handler has started
 * is frozen, goes on and ends with it.
 */
export class RuntimeProcess {
  readonly #launched: Launched
  readonly #output: Socket
  readonly #options: RuntimeProcessOptions
  #hasExited = false
  #freezing: Timer | undefined
  #isFrozen = false
  #read = 0

  /** Rejects when the machine can start no process. */
  static async start(options: RuntimeProcessOptions): Promise<RuntimeProcess> {
    const { launcher, temporaryDirectory, command, args, directory, environment } = options
    const pipePath = `${temporaryDirectory}.output`
    await launcher.pipe(pipePath)
    let output: Socket | undefined
    try {
      output = openReading(pipePath)
      const launched = await launcher.start({ command, args, directory, environment, pipePath })
      return new RuntimeProcess(launched, output, options)
    } catch (error) {
      output?.destroy()
      throw error
    } finally {
      await unlink(pipePath)
    }
  }

  private constructor(launched: Launched, output: Socket, options: RuntimeProcessOptions) {
    this.#launched = launched
    this.#output = output
    this.#options = options
    output.on('data', (chunk: Buffer) => {
      this.#read += 1
      options.onOutput(chunk)
    })
    void launched.ended.then(({ code, signal }) => this.#exited(exitReason(code, signal)))
  }

  get pid(): number {
    return this.#launched.pid
  }

  /**
   * No part of it gets processor time any more, as between two events on Lambda; what it still writes waits.
   * Not at once: the next event may be there already.
   */
  freeze(): void {
    this.#output.pause()
    this.#freezing = this.#options.clock.after(freezeDelayMs, () => {
      this.#isFrozen = true
      this.#signal('SIGSTOP')
    })
  }

  thaw(): void {
    this.#freezing?.cancel()
    this.#output.resume()
    if (this.#isFrozen) this.#signal('SIGCONT')
    this.#isFrozen = false
  }

  /** At once; `onExit` follows. */
  kill(): void {
    this.#signal('SIGKILL')
  }

  /** Gives it a moment to end by itself. */
  end(): void {
    if (this.#hasExited) return
    this.#signal('SIGTERM')
    this.thaw()
    const timer = this.#options.clock.after(processEndGraceMs, () => this.kill())
    void this.#launched.ended.then(() => timer.cancel())
  }

  /**
   * Resolves when nothing more of what was written before the call is on its way: once around the event
   * loop every pipe with something in it is read, so after a turn without news it is empty.
   */
  async outputRead(): Promise<void> {
    for (let turn = 0; turn < outputTurnsMax; turn++) {
      const before = this.#read
      await new Promise(setImmediate)
      await new Promise(setImmediate)
      if (this.#read === before) return
    }
  }

  async #exited(reason: string): Promise<void> {
    // What the process has started and left behind; while any of it is alive its group's number is not given anew.
    this.#signal('SIGKILL')
    this.#hasExited = true
    this.#options.onEnding()
    this.#freezing?.cancel()
    this.#output.resume()
    await this.#endStrays()
    await this.outputRead()
    this.#output.destroy()
    this.#options.onExit(reason)
  }

  /**
   * What has left the group and the session, as daemons do. The kill takes a moment, and what is being executed anew
   * has no environment to be known by for another: so after a look that finds some there are two that find none.
   */
  async #endStrays(): Promise<void> {
    let clear = 1
    for (let look = 0; look < strayLooksMax; look++) {
      clear = (await this.#killStrays()) > 0 ? 0 : clear + 1
      if (clear === 2) return
      await new Promise<void>((resolve) => this.#options.clock.after(strayLookMs, resolve))
    }
  }

  /** How many there were; where nobody could look, there may be one. */
  #killStrays(): Promise<number> {
    const { launcher, temporaryDirectory } = this.#options
    return launcher.end({ name: 'TMPDIR', value: temporaryDirectory }).catch(() => 1)
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#hasExited && this.pid > 0) sendSignal(-this.pid, signal)
  }
}

// Open for writing too: without a writer it would end at once, and it is over when its process is.
function openReading(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  return new Socket({ fd, readable: true, writable: false })
}

function sendSignal(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch (error) {
    // Gone already; on macOS a group of which only a zombie is left says EPERM.
    if (!['ESRCH', 'EPERM'].includes(systemCode(error) ?? '')) throw error
  }
}
