// Keeps a handler's way of ending its process from ending the platform's, and says how it ended.

/** Called with how the runtime ended, in Lambda's words, just before the thread ends. */
export type OnEnd = (reason: string) => void

/**
 * Replaces what ends a process by what ends the thread. Node itself ends only the thread at
 * `process.exit`, refuses `process.abort` and `process.chdir` in threads, but lets `process.kill` through.
 * Returns the way to end the thread without a word.
 */
export function guardProcess(taskRoot: string, onEnd: OnEnd): (code: number) => never {
  const { pid } = process
  const exit = process.exit.bind(process)
  const kill = process.kill.bind(process)
  const end = (reason: string, code: number): never => {
    onEnd(reason)
    return exit(code)
  }
  Object.assign(process, {
    exit: (code?: unknown) => {
      const status = Number(code ?? process.exitCode ?? 0)
      return end(exitReason(status), status)
    },
    abort: () => end('Runtime exited with error: signal: aborted', 134),
    kill: (target: number, signal: string | number = 'SIGTERM') => {
      // 0 and negative numbers are process groups: ours among them.
      if (target > 0 && target !== pid) return kill(target, signal)
      if (signal === 0) return true
      return end(`Runtime exited with error: signal: ${signalWord(signal)}`, 1)
    },
    // Paths are resolved against it; the platform's own directory is none of the handler's business.
    cwd: () => taskRoot,
  })
  return exit
}

function exitReason(status: number): string {
  return status === 0
    ? 'Runtime exited without providing a reason'
    : `Runtime exited with error: exit status ${status}`
}

function signalWord(signal: string | number): string {
  if (signal === 'SIGKILL' || signal === 9) return 'killed'
  if (signal === 'SIGTERM' || signal === 15) return 'terminated'
  return String(signal)
}
