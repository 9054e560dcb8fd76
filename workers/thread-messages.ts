// What the platform and a handler's thread say to each other: plain data, strings for payloads.
import type { ThreadPlan } from './cpu/cpu-shares.ts'
import type { EnvironmentEvent, EnvironmentMessage, EnvironmentResult } from './environment-pool.ts'
import type { SharedSlots } from './event-slots.ts'
import type { SharedDirectories } from './runtime/claim-directory.ts'
import type { SharedRecords, SharedText } from './runtime/shared-event.ts'

/** What a thread is for; handed over once, when it starts. */
export interface ThreadSettings {
  readonly functionName: string
  readonly functionArn: string
  /** `$LATEST`, or a number. */
  readonly functionVersion: string
  readonly runtime: string
  /** `dir/file.export`, as in the function's configuration. */
  readonly handler: string
  /** The task root: where the function's code lies. */
  readonly directory: string
  /** What its layers have in /opt. */
  readonly opt?: string
  readonly memorySizeMb: number
  readonly timeoutMs: number
  /** The size of /tmp. */
  readonly ephemeralStorageMb: number
  /** The function's NODE_OPTIONS; a thread must not be started with them. */
  readonly nodeOptions?: string
}

/** The settings, with the shared memory in which a thread says whose event it runs. */
export interface ThreadStart extends ThreadSettings {
  readonly slots: SharedSlots
  readonly directories: SharedDirectories
  readonly cpuPlan: ThreadPlan
  /** Random, the same for all threads of a pool; their log streams are named by it. */
  readonly streamSeed: Uint32Array
}

/** An event on its way to a thread, with its slot of `ThreadStart.slots`; below 0 it has none. */
export interface ThreadTask extends Omit<EnvironmentEvent, 'payload'> {
  readonly slot: number
  readonly payload: string | SharedText | SharedRecords
}

/** The answer to an event. A text alone is what a handler returned, and the rest is in the event's slot. */
export type ThreadReply = string | ThreadResult

/** A result, with what tells the thread's CPU time. */
export interface ThreadResult extends EnvironmentResult {
  /** The environment's log stream. */
  readonly logStream: string
  readonly memoryUsedMb: number
  /** Which thread it was, and the CPU time that it has taken since it began. */
  readonly threadId: number
  readonly threadCpuMs: number
}

/** What a thread says while an event runs: with `initialising`, which environment it is. */
export type ThreadMessage =
  | Exclude<EnvironmentMessage, { type: 'initialising' | 'log' }>
  | (Extract<EnvironmentMessage, { type: 'log' }> & { readonly slot: number })
  | {
      readonly type: 'initialising'
      readonly requestId: string
      readonly threadId: number
      readonly logStream: string
    }

/** Handlers may post to the same port: whatever is not ours is undefined here. */
export function parseThreadMessage(message: unknown): ThreadMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { type, requestId, text, isRaw, slot, payload, memoryUsedMb, threadId, logStream } =
    message as Record<string, unknown>
  if (typeof requestId !== 'string') return undefined
  switch (type) {
    case 'initialising':
      if (typeof threadId !== 'number' || typeof logStream !== 'string') return undefined
      return { type, requestId, threadId, logStream }
    case 'running':
      return { type, requestId }
    case 'log':
      if (typeof text !== 'string' || typeof slot !== 'number') return undefined
      return { type, requestId, text, isRaw: isRaw === true, slot }
    case 'ending':
      if (typeof payload !== 'string' || typeof memoryUsedMb !== 'number') return undefined
      return { type, requestId, payload, memoryUsedMb }
    default:
      return undefined
  }
}
