// What Lambda adds to a Kinesis event of a tumbling window: its bounds, the state so far, and whether it ends.

/** `state` is JSON text; times are of the window, in milliseconds. */
export interface EventWindow {
  readonly startMs: number
  readonly endMs: number
  readonly state: string
  readonly shardId: string
  readonly eventSourceARN: string
  readonly isFinal: boolean
  readonly isTerminatedEarly: boolean
}

/** The members after `Records`, as JSON text without braces. */
export function windowText(window: EventWindow): string {
  const { startMs, endMs, state, shardId, eventSourceARN, isFinal, isTerminatedEarly } = window
  return (
    `"window":{"start":"${secondOf(startMs)}","end":"${secondOf(endMs)}"},"state":${state},` +
    `"shardId":"${shardId}","eventSourceARN":"${eventSourceARN}",` +
    `"isFinalInvokeForWindow":${isFinal},"isWindowTerminatedEarly":${isTerminatedEarly}`
  )
}

// Windows begin and end at whole seconds.
function secondOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z')
}
