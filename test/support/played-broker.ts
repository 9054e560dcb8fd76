// A Kafka broker of one node that a test plays: it answers by rules, and says wrong things when told to.
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { apis, type ApiName, type RequestOf, type ResponseOf } from '../../protocol/apis.ts'
import { FrameSplitter } from '../../protocol/frames.ts'
import { encodeResponse, parseRequest, type KafkaRequest } from '../../protocol/request.ts'

/** An answer by the API's table, bytes as they are, or none: `hang` is silent, `close` hangs up. */
export type PlayedAnswer<Name extends ApiName> =
  | ResponseOf<Name>
  | Buffer
  | 'hang'
  | 'close'
  | Promise<ResponseOf<Name>>
type Rule<Name extends ApiName> = (
  body: RequestOf<Name>,
  request: KafkaRequest<Name>,
) => PlayedAnswer<Name>
export type Rules = { [Name in ApiName]?: Rule<Name> }

export class PlayedBroker {
  /** What answers each API; a test changes them as it goes. */
  readonly rules: Rules
  /** All that was asked, in order. */
  readonly requests: KafkaRequest[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #waiting = 0

  private constructor(rules: Rules) {
    this.rules = { ApiVersions: () => allVersions(), ...rules }
    this.#server = createServer((socket) => this.#serve(socket))
  }

  static async start(rules: Rules = {}): Promise<PlayedBroker> {
    const broker = new PlayedBroker(rules)
    broker.#server.listen(0, '127.0.0.1')
    await once(broker.#server, 'listening')
    return broker
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Whether somebody waits for an answer. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** Of one API, in order. */
  asked<Name extends ApiName>(name: Name): readonly RequestOf<Name>[] {
    const own = this.requests.filter((request) => request.api === name)
    return own.map(({ body }) => body as RequestOf<Name>)
  }

  /** Hangs up on everybody; the door stays open. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.hangUp()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    const splitter = new FrameSplitter()
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    // As Kafka does: the next request of a connection waits for the answer to this one.
    let turn = Promise.resolve()
    socket.on('data', (chunk) => {
      for (const frame of splitter.push(chunk)) turn = turn.then(() => this.#answer(socket, frame))
    })
  }

  async #answer(socket: Socket, frame: Buffer): Promise<void> {
    const request = parseRequest(frame)
    if (!request.ok) throw new Error(`the client asked for what cannot be read: ${request.reason}`)
    this.requests.push(request)
    const rule = this.rules[request.api] as Rule<ApiName> | undefined
    this.#waiting += 1
    const answer = rule === undefined ? 'hang' : await rule(request.body, request)
    this.#waiting -= 1
    if (answer === 'hang') return new Promise(() => {})
    if (answer === 'close') return void socket.destroy()
    if (Buffer.isBuffer(answer)) return void socket.write(answer)
    const { api, version, correlationId } = request
    socket.write(Buffer.concat(encodeResponse(api, version, correlationId, answer)))
  }
}

/** What our tables know; `most` bounds single APIs, as an old broker does. */
export function allVersions(
  most: Partial<Record<ApiName, number>> = {},
): ResponseOf<'ApiVersions'> {
  return {
    errorCode: 0,
    apiKeys: Object.values(apis).map(({ key, name, minVersion, maxVersion }) => ({
      apiKey: key,
      minVersion,
      maxVersion: Math.min(maxVersion, most[name] ?? maxVersion),
    })),
  }
}
