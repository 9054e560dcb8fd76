// Reads all plain connections through one buffer, or into the frame in hand, which saves an allocation for each read.
import { Socket } from 'node:net'

/*
 * A socket that was accepted allots 64 KB for each read, and V8 answers every few dozen megabytes of them with a
 * full collection. Node's `onread` avoids it, but is for sockets that one opens; so the accepted connection's handle
 * is moved to a socket that is made with it. `handle` and `_handle` are not in Node's documentation (its own
 * cluster module uses both): where they are not as expected, bytes come as usual.
 */

/** Each read takes what has arrived, up to this, or as much as there is room for elsewhere. */
const readMaxBytes = 256 * 1024
/** Less room is not worth a read of its own. */
const roomMinBytes = 64 * 1024

export interface Receiver {
  /** Called with all that arrives; a chunk's bytes may change when it returns, but for those in the room that it named. */
  received(chunk: Buffer): void
  /** Where the next bytes would better be put, and as many at most. */
  room(): Buffer | undefined
}

const nobody: Receiver = { received: () => {}, room: () => undefined }

let shared: Buffer | undefined
const receivers = new WeakMap<Socket, { receiver: Receiver }>()

/** For a connection that was accepted paused; the socket to use from now on is the one returned. */
export function sharingBuffer(accepted: Socket): Socket {
  const handle = takeHandle(accepted)
  if (handle === undefined) return accepted
  const otherwise = (shared ??= Buffer.allocUnsafeSlow(readMaxBytes))
  const slot = { receiver: nobody }
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    slot.receiver.received(buffer.subarray(0, bytes) as Buffer)
    return true
  }
  const buffer = (): Buffer => {
    const room = slot.receiver.room()
    return room !== undefined && room.length >= roomMinBytes ? room : otherwise
  }
  const onread = { buffer, callback }
  const options = { handle, onread, manualStart: true }
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0])
  receivers.set(socket, slot)
  // The server counts the one that it accepted.
  socket.once('close', () => accepted.destroy())
  return socket
}

/** Tells `receiver` of all that arrives from now on. */
export function receiveFrom(socket: Socket, receiver: Receiver): void {
  const slot = receivers.get(socket)
  if (slot === undefined) socket.on('data', (chunk) => receiver.received(chunk))
  else slot.receiver = receiver
  socket.resume()
}

function takeHandle(accepted: Socket): object | undefined {
  const owner = accepted as { _handle?: { useUserBuffer?: unknown } | null }
  const handle = owner._handle
  if (typeof handle?.useUserBuffer !== 'function') return undefined
  owner._handle = null
  return handle
}
