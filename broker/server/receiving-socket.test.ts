// Tests of what a socket receives: the bytes that were sent, into the room that is offered or into memory that sockets share.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FrameSplitter } from '../../protocol/frames.ts'
import { receiveFrom, sharingBuffer, type Receiver } from './receiving-socket.ts'

/** A client whose bytes `receiver` is told of. */
async function received(receiver: Receiver): Promise<Socket> {
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    const socket = sharingBuffer(accepted)
    onTestFinished(() => void socket.destroy())
    receiveFrom(socket, receiver)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  await once(client, 'connect')
  return client
}

test('large frames are received where they are to lie, and small ones between them as well as ever', async () => {
  const bodies = [700_000, 10, 300_000, 0, 70_000, 1_500_000, 3].map((size) => randomBytes(size))
  const splitter = new FrameSplitter()
  const frames: Buffer[] = []
  const whole = Promise.withResolvers<void>()
  let inPlaceBytes = 0
  const client = await received({
    received: (chunk) => {
      const { room } = splitter
      if (room !== undefined && chunk.buffer === room.buffer) inPlaceBytes += chunk.length
      frames.push(...splitter.push(chunk))
      if (frames.length === bodies.length) whole.resolve()
    },
    room: () => splitter.room,
  })
  for (const body of bodies) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length)
    client.write(length)
    client.write(body)
  }
  await whole.promise
  expect(frames.map((frame, index) => frame.equals(bodies[index] ?? frame))).toEqual(
    bodies.map(() => true),
  )
  // Each frame's first bytes come with those before it.
  expect(inPlaceBytes).toBeGreaterThan(1_000_000)
})

test('without room all comes through the memory that sockets share', async () => {
  const sent = randomBytes(300_000)
  const buffers = new Set<ArrayBufferLike>()
  const chunks: Buffer[] = []
  const whole = Promise.withResolvers<void>()
  const client = await received({
    received: (chunk) => {
      buffers.add(chunk.buffer)
      chunks.push(Buffer.from(chunk))
      if (Buffer.concat(chunks).length === sent.length) whole.resolve()
    },
    room: () => Buffer.alloc(100),
  })
  client.write(sent)
  await whole.promise
  expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  expect(buffers.size).toBe(1)
})
