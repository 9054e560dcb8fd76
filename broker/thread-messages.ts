// The messages between the main thread and the broker's thread.
import type { MetricSample } from '../common/metrics.ts'
import type { PlainError } from '../common/plain-error.ts'

/** To the thread. `id` comes back with the samples. */
export type ToThread = { readonly type: 'collect'; readonly id: number } | { readonly type: 'stop' }

/** From the thread. */
export type FromThread =
  | { readonly type: 'started'; readonly doors: Readonly<Record<string, string>> }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'collected'; readonly id: number; readonly samples: readonly MetricSample[] }
  | { readonly type: 'problems'; readonly problems: readonly string[] }
  | { readonly type: 'stopped' }
