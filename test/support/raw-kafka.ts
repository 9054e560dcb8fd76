// A bare Kafka client over a socket: sends any request or bytes, reads whole responses, or does not read.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { ApiName, ReceivedResponse, RequestToSend } from '../../protocol/apis.ts'
import { FrameSplitter } from '../../protocol/frames.ts'
import { encodeRequest, parseResponse } from '../../protocol/request.ts'

export class RawKafka {
  readonly socket: Socket
  readonly #splitter = new FrameSplitter()
  readonly #frames: Buffer[] = []
  #wake: () => void = () => {}
  #correlationId = 0
  #isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#frames.push(...this.#splitter.push(chunk))
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** With `tls` over TLS; rejects where the handshake fails. */
  static async connect(address: string, tls?: ConnectionOptions): Promise<RawKafka> {
    const [host = '', port] = address.split(':')
    const where = { host, port: Number(port) }
    const socket = tls === undefined ? connect(where) : connectTls({ ...where, ...tls })
    await once(socket, tls === undefined ? 'connect' : 'secureConnect')
    return new RawKafka(socket)
  }

  /** Sends a request and resolves with its response. */
  async ask<Name extends ApiName>(
    api: Name,
    version: number,
    body: RequestToSend<Name>,
  ): Promise<ReceivedResponse<Name>> {
    this.send(api, version, body)
    return this.receive(api, version)
  }

  /** Resolves once the socket has taken it; returns the correlation id. */
  send<Name extends ApiName>(api: Name, version: number, body: RequestToSend<Name>): number {
    const correlationId = this.#correlationId++
    const header = { api, version, correlationId, clientId: 'raw' }
    this.socket.write(Buffer.concat(encodeRequest(header, body)))
    return correlationId
  }

  /** A request of any key and version, for which there may be no table. */
  sendBytes(apiKey: number, version: number, body: Buffer): void {
    const frame = Buffer.alloc(14)
    frame.writeInt32BE(10 + body.length, 0)
    frame.writeInt16BE(apiKey, 4)
    frame.writeInt16BE(version, 6)
    frame.writeInt32BE(this.#correlationId++, 8)
    frame.writeInt16BE(-1, 12)
    this.socket.write(Buffer.concat([frame, body]))
  }

  /** A frame as it is, and the next one that comes. */
  async askBare(frame: Buffer): Promise<Buffer> {
    const length = Buffer.alloc(4)
    length.writeInt32BE(frame.length)
    this.socket.write(Buffer.concat([length, frame]))
    return this.frame()
  }

  async receive<Name extends ApiName>(api: Name, version: number): Promise<ReceivedResponse<Name>> {
    const response = parseResponse(api, version, await this.frame())
    if (!response.ok) throw new Error(response.reason)
    return response.body
  }

  async frame(): Promise<Buffer> {
    while (this.#frames.length === 0) {
      if (this.#isClosed) throw new Error('the broker closed the connection')
      await this.#change()
    }
    return this.#frames.shift() ?? Buffer.alloc(0)
  }

  /** Resolves when the broker has closed the connection, with the frames that came before. */
  async closed(): Promise<readonly Buffer[]> {
    while (!this.#isClosed) await this.#change()
    return this.#frames
  }

  close(): void {
    this.socket.destroy()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
