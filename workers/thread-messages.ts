// What the platform and a handler's thread say to each other: plain data, strings for payloads.

/** What a thread is for; handed over once, when it starts. */
export interface ThreadSettings {
  readonly functionName: string
  readonly functionArn: string
  readonly runtime: string
  /** `dir/file.export`, as in the function's configuration. */
  readonly handler: string
  /** The task root: where the function's code lies. */
  readonly directory: string
  readonly memorySizeMb: number
  readonly timeoutMs: number
  /** The function's NODE_OPTIONS; a thread must not be started with them. */
  readonly nodeOptions?: string
}

/** The settings, with the shared memory in which a thread says whose event it runs. */
export interface ThreadStart extends ThreadSettings {
  readonly running: Int32Array<SharedArrayBuffer>
}

/** An event with its slot of `ThreadStart.running`; below 0 it has none. */
export interface ThreadTask extends ThreadEvent {
  readonly slot: number
}

/** One event for a thread. */
export interface ThreadEvent {
  readonly requestId: string
  /** The event as JSON text; parsed in the thread. */
  readonly payload: string
  /** Base64 of JSON, as Lambda's header carries it. */
  readonly clientContext?: string
  /** Whether the thread says `running` when it begins: asked of one that has yet to start. */
  readonly announce: boolean
}

/** How an event ended whose thread lives on. */
export interface ThreadResult {
  /** `unparsable`: the payload is no JSON, and `payload` is the parser's message. */
  readonly outcome: 'returned' | 'failed' | 'unparsable'
  /** JSON text: what the handler returned, or `{errorType, errorMessage, trace}`. */
  readonly payload: string
  /** The handler's own time, without loading it. */
  readonly durationMs: number
  readonly memoryUsedMb: number
  /** Which thread it was, and the CPU time that it has taken since it began. */
  readonly threadId: number
  readonly threadCpuMs: number
  /** Present when this event found the thread cold. */
  readonly initMs?: number
  /** How many `log` messages were sent before this result; some may still be on their way. */
  readonly logMessages: number
  /** The end of the output that was too much to send as it came. */
  readonly lateOutput: string
}

/** What a thread says while an event runs. */
export type ThreadMessage =
  | { readonly type: 'initialising'; readonly requestId: string }
  | { readonly type: 'running'; readonly requestId: string }
  | { readonly type: 'log'; readonly requestId: string; readonly text: string }
  /** The thread ends itself. `payload` is what the invocation fails with. */
  | { readonly type: 'ending'; readonly requestId: string; readonly payload: string }

/** Handlers may post to the same port: whatever is not ours is undefined here. */
export function parseThreadMessage(message: unknown): ThreadMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { type, requestId, text, payload } = message as Record<string, unknown>
  if (typeof requestId !== 'string') return undefined
  switch (type) {
    case 'initialising':
    case 'running':
      return { type, requestId }
    case 'log':
      return typeof text === 'string' ? { type, requestId, text } : undefined
    case 'ending':
      return typeof payload === 'string' ? { type, requestId, payload } : undefined
    default:
      return undefined
  }
}
