// Holds a thread to the sockets that an environment may have open: descriptors are the whole process's.
import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'
import { constants } from 'node:os'

/**
 * Affects this thread alone. A connection beyond `max` fails as it does in a process that has no descriptor left;
 * one that a server here would take is closed.
 */
export function limitSockets(max: number): void {
  let open = 0
  const count = (socket: Socket): void => {
    open += 1
    socket.once('close', () => (open -= 1))
  }
  const { connect } = Socket.prototype
  // What clients of every kind come through: net, tls, http, fetch.
  Socket.prototype.connect = function limited(this: Socket, ...args: unknown[]): Socket {
    if (open >= max) return this.destroy(noDescriptor(args[0]))
    Reflect.apply(connect, this, args)
    count(this)
    return this
  }
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { readonly socket: Socket }
    if (open >= max) socket.destroy()
    else count(socket)
  })
}

/** In Node's words. Its own callers hand over an array of options and callback. */
function noDescriptor(first: unknown): Error {
  const [options] = Array.isArray(first) ? (first as unknown[]) : [first]
  const { host, port, path } = (typeof options === 'object' ? options : {}) as SocketTarget
  const where = path ?? `${host ?? 'localhost'}:${port} - Local (undefined:undefined)`
  return Object.assign(new Error(`connect EMFILE ${where}`), {
    errno: -constants.errno.EMFILE,
    code: 'EMFILE',
    syscall: 'connect',
  })
}

interface SocketTarget {
  readonly host?: string
  readonly port?: number | string
  readonly path?: string
}
