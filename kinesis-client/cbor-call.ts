// Makes single calls of a Kinesis API in CBOR, unsigned, over connections that are kept.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import * as limits from '../common/kinesis-call-limits.ts'
import { CborFlaw, decodeCbor, encodeCbor } from '../kinesis-wire/cbor.ts'

export interface Reply {
  readonly status: number
  /** Empty where the answer is no structure of CBOR. */
  readonly body: Readonly<Record<string, unknown>>
}

export class CborCalls {
  readonly #url: URL
  readonly #agent: HttpAgent | HttpsAgent

  /** `url` is `http://host:port`. */
  constructor(url: string) {
    this.#url = new URL(url)
    const keep = { keepAlive: true, maxSockets: limits.kinesisCallsMax }
    this.#agent = this.#url.protocol === 'https:' ? new HttpsAgent(keep) : new HttpAgent(keep)
  }

  /** Rejects with what the network says, and where the answer is too large or too late. */
  async call(operation: string, input: object): Promise<Reply> {
    const chunks = encodeCbor(input)
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = send(this.#url, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          'content-type': 'application/x-amz-cbor-1.1',
          'content-length': chunks.reduce((sum, { length }) => sum + length, 0),
          'x-amz-target': `Kinesis_20131202.${operation}`,
        },
      })
      request.once('response', resolve).once('error', reject)
      request.setTimeout(limits.kinesisCallMaxMs, () =>
        request.destroy(new Error('no answer in time')),
      )
      for (const chunk of chunks) request.write(chunk)
      request.end()
    })
    const body = decodeCbor(await readAll(response))
    const isStructure = typeof body === 'object' && body !== null && !(body instanceof CborFlaw)
    return { status: response.statusCode ?? 0, body: isStructure ? (body as Reply['body']) : {} }
  }

  /** Calls under way fail. */
  close(): void {
    this.#agent.destroy()
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limits.kinesisCallAnswerMaxBytes) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}
