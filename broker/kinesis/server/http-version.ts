// Finds out which HTTP a new connection speaks, so that one port serves both: HTTP/2 begins with a preface.
import type { Socket } from 'node:net'
import type { Clock } from '../../../common/clock.ts'

/** RFC 9113: `PRI * HTTP/2.0…`; no method of HTTP/1.1 that we serve begins so. */
const preface = Buffer.from('PRI')

export interface VersionSettings {
  readonly clock: Clock
  /** A connection that has not said enough by then is closed. */
  readonly maxMs: number
}

/** Calls `known` once, with the socket as if nothing had been read from it: paused, and all its bytes before it. */
export function whenVersionKnown(
  socket: Socket,
  { clock, maxMs }: VersionSettings,
  known: (isHttp2: boolean) => void,
): void {
  let head: Buffer = Buffer.alloc(0)
  const late = clock.after(maxMs, () => socket.destroy())
  const forget = (): void => {
    late.cancel()
    socket.off('data', look).off('error', forget).off('close', forget)
  }
  function look(bytes: Buffer): void {
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
    const isHttp2 = head.subarray(0, preface.length).equals(preface)
    const mayBecome = head.length < preface.length && preface.subarray(0, head.length).equals(head)
    if (mayBecome) return
    forget()
    socket.pause()
    socket.unshift(head)
    known(isHttp2)
  }
  socket.on('data', look).on('error', forget).on('close', forget)
}
