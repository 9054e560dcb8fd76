// Reads all plain connections through one buffer, which saves an allocation for each read.
import { Socket } from 'node:net'

/*
 * A socket that was accepted allots 64 KB for each read, and V8 answers every few dozen megabytes of them with a
 * full collection. Node's `onread` avoids it, but is for sockets that one opens; so the accepted connection's handle
 * is moved to a socket that is made with it. `handle` and `_handle` are not in Node's documentation (its own
 * cluster module uses both): where they are not as expected, bytes come as usual.
 */

/** Each read takes what has arrived, up to this. */
const readMaxBytes = 256 * 1024

type Receiver = (chunk: Buffer) => void

let shared: Buffer | undefined
const receivers = new WeakMap<Socket, { receiver: Receiver }>()

/** For a connection that was accepted paused; the socket to use from now on is the one returned. */
export function sharingBuffer(accepted: Socket): Socket {
  const handle = takeHandle(accepted)
  if (handle === undefined) return accepted
  shared ??= Buffer.allocUnsafeSlow(readMaxBytes)
  const slot = { receiver: (_chunk: Buffer): void => {} }
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    slot.receiver(buffer.subarray(0, bytes) as Buffer)
    return true
  }
  const onread = { buffer: shared, callback }
  const options = { handle, onread, manualStart: true }
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0])
  receivers.set(socket, slot)
  // The server counts the one that it accepted.
  socket.once('close', () => accepted.destroy())
  return socket
}

/** Calls `receiver` with all that arrives from now on; a chunk's bytes may change when it returns. */
export function receiveFrom(socket: Socket, receiver: Receiver): void {
  const slot = receivers.get(socket)
  if (slot === undefined) socket.on('data', receiver)
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
