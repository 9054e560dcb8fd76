// Finds out what a new connection speaks, so that one port serves it all: HTTP/2 begins with a preface, TLS with a record of its own.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from './clock.ts'

/** RFC 9113: `PRI * HTTP/2.0…`; no method of HTTP/1.1 that we serve begins so. */
const preface = Buffer.from('PRI')

/** RFC 8446, 5.1: the type of a record that carries a handshake. */
const tlsHandshake = 0x16

export interface VersionSettings {
  readonly clock: Clock
  /** A connection that has not said enough by then is closed. */
  readonly maxMs: number
}

/** Where other connections go, and which ones are let in at all: all, unless it says. */
export interface OtherVersion extends VersionSettings {
  readonly serveHttp2: (socket: Socket) => void
  /** Without it TLS is a mistake that HTTP/1.1 answers. */
  readonly serveTls?: ((socket: Socket) => void) | undefined
  readonly admits?: (socket: Socket) => boolean
}

/**
 * Makes a server of HTTP/1.1 hand on connections that begin as HTTP/2. Returns how to end those that have not begun: no
 * server knows of them, and a stop would wait for them.
 */
export function handOnHttp2(
  server: Server,
  { serveHttp2, serveTls, admits, ...settings }: OtherVersion,
): () => void {
  const [serveHttp1] = server.listeners('connection')
  server.removeAllListeners('connection')
  const silent = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    if (admits?.(socket) === false) return
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
    whenVersionKnown(socket, settings, (version) => {
      silent.delete(socket)
      if (version === 'HTTP/2') return serveHttp2(socket)
      if (version === 'TLS' && serveTls !== undefined) return serveTls(socket)
      serveHttp1?.call(server, socket)
      // Not before what is there already has found its reader.
      process.nextTick(() => socket.resume())
    })
  })
  return () => {
    for (const socket of silent) socket.destroy()
  }
}

/** Calls `known` once, with the socket as if nothing had been read from it: paused, and all its bytes before it. */
function whenVersionKnown(
  socket: Socket,
  { clock, maxMs }: VersionSettings,
  known: (version: 'HTTP/1.1' | 'HTTP/2' | 'TLS') => void,
): void {
  let head: Buffer = Buffer.alloc(0)
  const late = clock.after(maxMs, () => socket.destroy())
  const forget = (): void => {
    late.cancel()
    socket.off('data', look).off('end', leave).off('error', forget).off('close', forget)
  }
  // Nothing more will come, and nothing was asked.
  const leave = (): void => void socket.destroy()
  function look(bytes: Buffer): void {
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes])
    const isHttp2 = head.subarray(0, preface.length).equals(preface)
    const mayBecome = head.length < preface.length && preface.subarray(0, head.length).equals(head)
    if (mayBecome) return
    forget()
    socket.pause()
    socket.unshift(head)
    known(isHttp2 ? 'HTTP/2' : head[0] === tlsHandshake ? 'TLS' : 'HTTP/1.1')
  }
  socket.on('data', look).on('end', leave).on('error', forget).on('close', forget)
}
