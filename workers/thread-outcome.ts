// Says how an event ended whose thread has ended, by what piscina rejects it with.
import type { EnvironmentOutcome } from './environment-pool.ts'

/** Piscina has no classes for these: an abort, V8's limit, and the end of a thread by itself or ours. */
export function outcomeOf(error: unknown, memoryUsedMb: number | undefined): EnvironmentOutcome {
  if (!(error instanceof Error)) return { kind: 'died', reason: String(error), memoryUsedMb }
  if (error.name === 'AbortError' || error.message === 'Terminating worker thread') {
    return { kind: 'stopped', memoryUsedMb }
  }
  if (codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY') return { kind: 'out-of-memory', of: 'heap' }
  return { kind: 'died', reason: error.message, memoryUsedMb }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
