// Runs what was started until a signal asks it to stop, and sees that stopping ends.
import { systemClock } from './clock.ts'
import { reasonOf } from './errors.ts'
import { stopGraceMs } from './limits.ts'
import type { Logger } from './logger.ts'
import { onStopSignals } from './stop-signals.ts'

export interface Started {
  /** What the ready line shows: addresses by door. */
  readonly doors: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export interface Lifecycle {
  readonly logger: Logger
  start(): Promise<Started>
  ready(doors: Started['doors']): void
}

/**
 * Resolves with the exit code: 0 after a clean stop on SIGTERM or SIGINT, 1 if stopping failed. A stop that takes
 * longer than the grace, and a second signal a moment later, end the process at once, by SIGKILL. Rejects as `start` rejects.
 */
export async function runUntilStopped({ logger, start, ready }: Lifecycle): Promise<number> {
  // Listening before starting: a signal during the start must end it, not be lost.
  const signalled = firstSignal(logger)
  const started = await start()
  ready(started.doors)
  await signalled
  return stopWithin(started, logger)
}

function firstSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    onStopSignals({
      first: (signal) => {
        logger.info('stopping', { signal })
        resolve()
      },
      later: endAtOnce,
    })
  })
}

async function stopWithin(started: Started, logger: Logger): Promise<number> {
  // Half again the grace: what drains within it still has to close its files.
  const timer = systemClock.after(stopGraceMs * 1.5, () => {
    logger.error('did not stop in time', { graceMs: stopGraceMs })
    endAtOnce()
  })
  try {
    await started.stop()
    return 0
  } catch (error) {
    logger.error('did not stop cleanly', { reason: reasonOf(error) })
    return 1
  } finally {
    timer.cancel()
  }
}

/** An exit waits for every thread, and one in a long call of the system would keep the process for as long. */
function endAtOnce(): never {
  process.once('exit', () => process.kill(process.pid, 'SIGKILL'))
  process.exit(1)
}

/** Runs steps one after another, each even if another failed; rejects with the first failure. */
export async function runAll(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}
