// How a scenario goes on: what happens at which second, until it is over or told to stop.
import { sleep, systemClock } from '../../common/clock.ts'
import type { ObservedPlatform } from '../support/observed-platform.ts'

export interface Course {
  readonly signal: AbortSignal
  /** Told what happens, as it does. */
  readonly step: (text: string) => void
}

export type Event = readonly [
  second: number,
  text: string,
  act?: (platform: ObservedPlatform) => Promise<void>,
]

/** Rejects when `signal` is aborted before the last event. */
export async function playEvents(
  platform: ObservedPlatform,
  events: readonly Event[],
  { signal, step }: Course,
): Promise<void> {
  const startedAt = performance.now()
  for (const [second, text, act] of events) {
    await sleep(systemClock, Math.max(0, second * 1000 - (performance.now() - startedAt)), signal)
    signal.throwIfAborted()
    step(text)
    await act?.(platform)
  }
}
