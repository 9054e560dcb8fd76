// The logs of a pool's threads, by their ids: each opened once, when its thread first says which it is.
import type { EnvironmentLog } from './environment-log.ts'
import type { OpenEnvironmentLog } from './function-logs.ts'

export class ThreadLogs {
  readonly #open: OpenEnvironmentLog | undefined
  readonly #logs = new Map<number, EnvironmentLog>()

  /** Without `open` no logs are kept. */
  constructor(open: OpenEnvironmentLog | undefined) {
    this.#open = open
  }

  /** Does nothing for a thread that is known: a result may come before the messages sent before it. */
  know(threadId: number, streamName: string): void {
    if (this.#open !== undefined && !this.#logs.has(threadId)) {
      this.#logs.set(threadId, this.#open(streamName))
    }
  }

  of(threadId: number): EnvironmentLog | undefined {
    return this.#logs.get(threadId)
  }

  forgetAllBut(threads: readonly { readonly threadId: number }[]): void {
    const ids = new Set(threads.map(({ threadId }) => threadId))
    for (const id of this.#logs.keys()) if (!ids.has(id)) this.#logs.delete(id)
  }
}
