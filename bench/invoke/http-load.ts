// Sends one HTTP request over and over on kept connections, at less cost than a client library's.
import { connect, type Socket } from 'node:net'

export interface HttpLoad {
  /** `http://host:port` of the door. */
  readonly door: string
  readonly path: string
  readonly body: string
  readonly connections: number
  readonly seconds: number
}

/** Answers per second with status 200, one request at a time on each connection. Any other answer rejects. */
export async function httpRate(load: HttpLoad): Promise<number> {
  const { host, hostname, port } = new URL(load.door)
  const request = Buffer.from(
    `POST ${load.path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(load.body)}\r\n\r\n${load.body}`,
  )
  let answers = 0
  const startedMs = performance.now()
  const endMs = startedMs + load.seconds * 1000
  const one = async (): Promise<void> => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    try {
      for await (const _ of responses(socket, request, endMs)) answers += 1
    } finally {
      socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: load.connections }, one))
  return Math.round(answers / ((performance.now() - startedMs) / 1000))
}

async function* responses(
  socket: Socket,
  request: Buffer,
  endMs: number,
): AsyncGenerator<undefined> {
  let text = ''
  socket.setEncoding('latin1').write(request)
  for await (const chunk of socket as AsyncIterable<string>) {
    text += chunk
    const headEnd = text.indexOf('\r\n\r\n')
    if (headEnd < 0) continue
    const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
    if (!text.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(text)
    if (text.length < headEnd + 4 + Number(length)) continue
    text = ''
    yield undefined
    if (performance.now() >= endMs) return
    socket.write(request)
  }
  throw new Error('the door closed a connection')
}
