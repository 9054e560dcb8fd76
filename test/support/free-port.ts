// Finds a port that nobody listens at, for a process that is to come back to it.
import { createServer } from 'node:net'
import { closeServer, listen } from '../../common/listen.ts'

export async function freePort(): Promise<number> {
  const server = createServer()
  const address = await listen(server, { door: 'free', host: '127.0.0.1', port: 0 })
  await closeServer(server)
  return Number(address.split(':')[1])
}
