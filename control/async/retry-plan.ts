// What becomes of an event after the function failed or did not run; pure.
import { asyncDeliveryAttemptsMax, asyncDeliveryRetryMs } from '../../common/async-limits.ts'
import type { Condition, QueuedEvent } from './event.ts'

/** Lambda's times, or such that someone can wait for them. */
export interface RetryPace {
  /** Before the first and the second retry of a function that failed. */
  readonly failureDelaysMs: readonly [number, number]
  /** After a throttle or an error of the service, doubled with each in a row. */
  readonly refusalBaseMs: number
  readonly refusalMaxMs: number
}

export const retryPaces = {
  aws: { failureDelaysMs: [60_000, 120_000], refusalBaseMs: 1_000, refusalMaxMs: 300_000 },
  local: { failureDelaysMs: [1_000, 2_000], refusalBaseMs: 1_000, refusalMaxMs: 10_000 },
} as const satisfies Record<string, RetryPace>

export interface RetryRules {
  readonly retriesMax: number
  readonly eventAgeMaxMs: number
}

/** The event as it waits for its next try, or why there is none. */
export type Plan = { readonly retry: QueuedEvent } | { readonly giveUp: Condition }

/** `event` counts the run that failed. As recorded, a retry that would come too late is not waited for. */
export function planAfterFailure(
  event: QueuedEvent,
  rules: RetryRules,
  pace: RetryPace,
  nowMs: number,
): Plan {
  if (event.attempts > rules.retriesMax) return { giveUp: 'RetriesExhausted' }
  const delayMs = pace.failureDelaysMs[event.attempts - 1] ?? pace.failureDelaysMs[1]
  const dueMs = nowMs + delayMs
  if (dueMs > expiresMs(event, rules)) return { giveUp: 'EventAgeExceeded' }
  return { retry: { ...event, setbacks: 0, dueMs } }
}

/** The function did not run: that counts as no attempt, and goes on until the event is too old. */
export function planAfterRefusal(
  event: QueuedEvent,
  rules: RetryRules,
  pace: RetryPace,
  nowMs: number,
): Plan {
  const expiryMs = expiresMs(event, rules)
  if (nowMs >= expiryMs) return { giveUp: 'EventAgeExceeded' }
  const retry = afterSetback(event, pace, nowMs)
  return { retry: { ...retry, dueMs: Math.min(retry.dueMs, expiryMs) } }
}

/** The event as it waits, longer with each setback in a row. */
export function afterSetback(event: QueuedEvent, pace: RetryPace, nowMs: number): QueuedEvent {
  const setbacks = event.setbacks + 1
  const delayMs = Math.min(pace.refusalBaseMs * 2 ** (setbacks - 1), pace.refusalMaxMs)
  return { ...event, setbacks, dueMs: nowMs + delayMs }
}

/** Why an event that is due is not even tried. */
export function refusedBefore(
  event: QueuedEvent,
  rules: RetryRules,
  reservedConcurrency: number | undefined,
  nowMs: number,
): Condition | undefined {
  if (reservedConcurrency === 0) return 'ZeroReservedConcurrency'
  return nowMs >= expiresMs(event, rules) ? 'EventAgeExceeded' : undefined
}

/** The event as its delivery is tried again; undefined where that was the last time. */
export function planAfterDelivery(event: QueuedEvent, nowMs: number): QueuedEvent | undefined {
  const setbacks = event.setbacks + 1
  if (setbacks >= asyncDeliveryAttemptsMax) return undefined
  return { ...event, setbacks, dueMs: nowMs + asyncDeliveryRetryMs * 2 ** (setbacks - 1) }
}

function expiresMs({ receivedMs }: QueuedEvent, { eventAgeMaxMs }: RetryRules): number {
  return receivedMs + eventAgeMaxMs
}
