// Hears the signals that ask a program to end: a first one in order, a later one at once.
import { systemClock } from './clock.ts'
import { sameSignalMs } from './limits.ts'

export interface StopSignals {
  readonly signals?: readonly NodeJS.Signals[]
  readonly first: (signal: NodeJS.Signals) => void
  readonly later: () => void
}

/** Ctrl-C reaches every process of the terminal, and npm hands its own on to the program: that is one wish, not two. */
export function onStopSignals({
  signals = ['SIGINT', 'SIGTERM'],
  first,
  later,
}: StopSignals): void {
  let firstMs: number | undefined
  const heard = (signal: NodeJS.Signals): void => {
    if (firstMs === undefined) {
      firstMs = systemClock.now()
      first(signal)
      return
    }
    if (systemClock.now() - firstMs >= sameSignalMs) later()
  }
  for (const signal of signals) process.on(signal, heard)
}
