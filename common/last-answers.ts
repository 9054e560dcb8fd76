// Ends an HTTP server's connections in a stop: each with the answer that it waits for, idle ones at once.
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'

const endings = new WeakMap<Server, () => void>()

/** To be called before the server has a connection; does nothing for servers of other protocols. */
export function followAnswers(server: Server): void {
  if (server instanceof HttpServer) endings.set(server, lastAnswers(server))
}

/** From now on no connection of a server that is followed outlives its answer. */
export function endWithAnswers(server: Server): void {
  endings.get(server)?.()
}

function lastAnswers(server: HttpServer): () => void {
  const sockets = new Set<Socket>()
  const waiting = new Set<ServerResponse>()
  let isStopping = false
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  // Before whoever answers: a head that is written cannot be changed.
  server.prependListener('request', (request, response) => {
    if (isStopping) sayLast(response)
    waiting.add(response)
    response.once('close', () => {
      whenWhole(request, () => {
        waiting.delete(response)
        if (isStopping) server.closeIdleConnections()
      })
    })
  })
  return () => {
    isStopping = true
    for (const response of waiting) sayLast(response)
    // To Node a connection is not idle before it has asked for something.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    server.closeIdleConnections()
  }
}

function sayLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

/** An answer may be there before all of its request, or say before a stop that its connection goes on. */
function whenWhole(request: IncomingMessage, done: () => void): void {
  const { socket } = request
  if (request.complete || socket.destroyed) return done()
  const whole = (): void => {
    request.off('close', whole)
    socket.off('close', whole)
    done()
  }
  request.on('close', whole)
  socket.on('close', whole)
}
