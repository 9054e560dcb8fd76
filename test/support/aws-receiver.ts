// Speaks enough of SQS, SNS, S3 and EventBridge over HTTP to take what the AWS SDK sends, and keeps it.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Service = 'sqs' | 'sns' | 's3' | 'events'

export interface Received {
  readonly service: Service
  /** A queue's URL, a topic's ARN, an object's `bucket/key`, a bus. */
  readonly place: string
  readonly body: string
  /** `name: type value` of each attribute of a message. */
  readonly attributes: readonly string[]
  /** What else came: of an event on a bus. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** How the next requests of a service are answered in place of being taken. */
export type Fault = 'hangs' | { readonly status: number; readonly code: string }

export class AwsReceiver {
  readonly received: Received[] = []
  /** By service; removed again by who set it. */
  readonly faults = new Map<Service, Fault>()
  /** What S3 gives back, by `bucket/key`. */
  readonly objects = new Map<string, Buffer>()
  requests = 0
  readonly #server: Server
  #url = ''

  static async start(): Promise<AwsReceiver> {
    const receiver = new AwsReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    const { port } = receiver.#server.address() as AddressInfo
    receiver.#url = `http://127.0.0.1:${port}`
    return receiver
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests += 1
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
    })
  }

  get url(): string {
    return this.#url
  }

  /** For the environment of the program: every service is here. */
  get environment(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: this.#url,
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
    }
  }

  of(service: Service): readonly Received[] {
    return this.received.filter((each) => each.service === service)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('utf8')
    if (!(request.headers.authorization ?? '').startsWith('AWS4-HMAC-SHA256 ')) {
      throw new Error('the request is not signed')
    }
    const target = String(request.headers['x-amz-target'] ?? '')
    const service = serviceOf(request, target)
    const fault = this.faults.get(service)
    if (fault === 'hangs') return
    if (fault !== undefined) {
      const { status, code } = fault
      response.writeHead(status, { 'x-amzn-errortype': code, 'content-type': 'application/json' })
      response.end(JSON.stringify({ __type: code, message: `told to answer ${code}` }))
      return
    }
    if (service === 'sqs') this.#queue(target, body, response)
    else if (service === 'sns') this.#topic(new URLSearchParams(body), response)
    else if (service === 'events') this.#bus(body, response)
    else this.#object(request, body, response)
  }

  #queue(target: string, body: string, response: ServerResponse): void {
    const input = JSON.parse(body) as Record<string, unknown>
    if (target === 'AmazonSQS.GetQueueUrl') {
      // A host that nobody else knows, as emulators in containers answer.
      const { QueueOwnerAWSAccountId: owner, QueueName: name } = input
      return json(response, {
        QueueUrl: `http://sqs.internal:9324/${String(owner)}/${String(name)}`,
      })
    }
    const text = String(input['MessageBody'])
    const attributes = (input['MessageAttributes'] ?? {}) as Record<string, Record<string, string>>
    this.received.push({
      service: 'sqs',
      place: String(input['QueueUrl']),
      body: text,
      attributes: Object.entries(attributes).map(
        ([name, value]) => `${name}: ${value['DataType']} ${value['StringValue']}`,
      ),
    })
    const MD5OfMessageBody = createHash('md5').update(text).digest('hex')
    json(response, { MessageId: 'm-1', MD5OfMessageBody })
  }

  #give(path: string, response: ServerResponse): void {
    const content = this.objects.get(path)
    if (content === undefined) {
      response.writeHead(404, { 'content-type': 'application/xml' })
      response.end('<Error><Code>NoSuchKey</Code><Message>The key is not there.</Message></Error>')
      return
    }
    response.writeHead(200, { 'content-length': content.length, etag: '"e"' }).end(content)
  }

  #topic(form: URLSearchParams, response: ServerResponse): void {
    const attributes: string[] = []
    for (let n = 1; form.has(`MessageAttributes.entry.${n}.Name`); n += 1) {
      const of = `MessageAttributes.entry.${n}`
      const [type, value] = [form.get(`${of}.Value.DataType`), form.get(`${of}.Value.StringValue`)]
      attributes.push(`${form.get(`${of}.Name`)}: ${type} ${value}`)
    }
    const [place, body] = [form.get('TopicArn') ?? '', form.get('Message') ?? '']
    this.received.push({ service: 'sns', place, body, attributes })
    response.writeHead(200, { 'content-type': 'text/xml' })
    response.end(
      '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>' +
        '<MessageId>m-1</MessageId></PublishResult></PublishResponse>',
    )
  }

  #bus(text: string, response: ServerResponse): void {
    const { Entries: entries } = JSON.parse(text) as { Entries: Record<string, unknown>[] }
    for (const { EventBusName, Detail, ...detail } of entries) {
      const place = String(EventBusName)
      this.received.push({ service: 'events', place, body: String(Detail), attributes: [], detail })
    }
    json(response, { FailedEntryCount: 0, Entries: [{ EventId: 'e-1' }] })
  }

  #object(request: IncomingMessage, body: string, response: ServerResponse): void {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '').slice(1)
    if (request.method === 'GET') return this.#give(path, response)
    if (request.method !== 'PUT') throw new Error(`${request.method} ${path} is not served`)
    this.received.push({ service: 's3', place: path, body, attributes: [] })
    response.writeHead(200, { etag: '"e"' }).end()
  }
}

function serviceOf(request: IncomingMessage, target: string): Service {
  if (target.startsWith('AmazonSQS.')) return 'sqs'
  if (target.startsWith('AWSEvents.')) return 'events'
  const type = request.headers['content-type'] ?? ''
  return type.startsWith('application/x-www-form-urlencoded') ? 'sns' : 's3'
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify(value))
}
