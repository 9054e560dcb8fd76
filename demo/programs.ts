// Starts the program's roles as processes of their own, and ends them again.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The addresses of a platform's ready line. */
export interface Doors {
  readonly kafka: string
  readonly aws: string
  readonly metrics: string
}

export interface Program {
  /** Resolves with the exit code when the process has ended; null where a signal ended it. */
  readonly ended: Promise<number | null>
  /** Each line of standard output. */
  onLine(listener: (line: string) => void): void
  /** Asks it to stop, once however often this is called; resolves when it has. */
  stop(): Promise<void>
  kill(): void
}

/**
 * Runs `main.ts` with these arguments; standard error goes to the open file `log`. The process has a
 * group of its own: Ctrl-C reaches the demo alone, which then stops it in order.
 */
export function startProgram(args: readonly string[], log: number): Program {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', log],
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code))
    child.once('error', () => resolve(1))
  })
  let asked = false
  return {
    ended,
    onLine: (listener) => {
      if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', listener)
    },
    stop: async () => {
      if (!asked && isRunning(child)) child.kill('SIGTERM')
      asked = true
      await ended
    },
    kill: () => {
      if (isRunning(child)) child.kill('SIGKILL')
    },
  }
}

/** The platform's doors; undefined when it ended before it was ready. */
export function doorsOf(program: Program): Promise<Doors | undefined> {
  return new Promise((resolve) => {
    program.onLine((line) => {
      if (line.startsWith('millrace ready ')) resolve(JSON.parse(line.slice(15)) as Doors)
    })
    void program.ended.then(() => resolve(undefined))
  })
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined
}
