// Serves Lambda's Runtime API to one environment: hands events to its runtime and takes the answers.
import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { listen } from '../../common/listen.ts'
import { payloadMaxBytes } from '../../common/limits.ts'
import { runtimeApiConnectionsMax } from '../../common/process-limits.ts'

/** An event as a runtime is told of it, in the headers of `invocation/next`. */
export interface RuntimeEvent {
  readonly requestId: string
  /** Of this try of the event; a runtime may send it back, and then it must be right. */
  readonly invocationId: string
  readonly payload: string
  readonly deadlineMs: number
  readonly functionArn: string
  readonly traceId: string
  /** JSON text. */
  readonly clientContext?: string
}

export interface RuntimeAnswer {
  readonly outcome: 'returned' | 'failed'
  readonly payload: string
  /** The answer as it came, where it is not UTF-8. */
  readonly payloadBytes?: Uint8Array
}

export interface RuntimeApiListener {
  /** The runtime asks for an event: it has initialised, or is through with the one before. */
  readonly onReady: () => void
  readonly onAnswer: (answer: RuntimeAnswer) => void
  /** The runtime could not initialise; `payload` is its error. */
  readonly onInitError: (payload: string) => void
}

/** What Lambda calls the states of a runtime where it refuses something for them. */
const stateNames = {
  started: 'Started',
  'init-error': 'InitError',
  ready: 'Ready',
  running: 'Ready',
  answering: 'InvocationResponse',
  answered: 'RuntimeResponseSentState',
} as const

type State = keyof typeof stateNames

const root = '/2018-06-01/runtime/'
const answerPattern = /^invocation\/([^/]+)\/(response|error)$/

/**
 * One runtime, one event at a time:
 *
 *     started ──next──▶ ready ──hand──▶ running ──response, error──▶ answering ──▶ answered ──next──▶ ready
 *        └──init/error──▶ init-error        └─next: the same event again
 *
 * What comes in another state is refused with 403, as Lambda does.
 */
export class RuntimeApi {
  readonly #server: Server
  readonly #listener: RuntimeApiListener
  #state: State = 'started'
  #event: RuntimeEvent | undefined
  #poll: ServerResponse | undefined

  constructor(listener: RuntimeApiListener) {
    this.#listener = listener
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
    // A runtime may be frozen for hours amid a request that it has begun.
    Object.assign(this.#server, { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 })
    this.#server.maxConnections = runtimeApiConnectionsMax
  }

  /** Resolves with `host:port` for AWS_LAMBDA_RUNTIME_API; rejects with AppError DOOR_NOT_OPENED. */
  open(): Promise<string> {
    return listen(this.#server, { door: 'runtime API', host: '127.0.0.1', port: 0 })
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** Gives the runtime that asked for one its next event. */
  hand(event: RuntimeEvent): void {
    this.#event = event
    this.#state = 'running'
    const poll = this.#poll
    this.#poll = undefined
    if (poll !== undefined) this.#render(poll, event)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? ''
    const path = url.startsWith(root) ? url.slice(root.length) : undefined
    const answered = answerPattern.exec(path ?? '')
    const isKnown = path === 'invocation/next' || path === 'init/error' || answered !== null
    if (!isKnown) return refuse(request, response, notFound(url))
    if (request.method !== (path === 'invocation/next' ? 'GET' : 'POST')) {
      return refuse(request, response, methodNotAllowed(request.method))
    }
    if (path === 'invocation/next') return this.#next(request, response)
    if (answered === null) return this.#initError(request, response)
    const [, requestId = '', kind] = answered
    return this.#invocation(request, response, { requestId, isError: kind === 'error' })
  }

  #next(request: IncomingMessage, response: ServerResponse): void {
    // An HTTP client that gave up, or lost the event on its way, asks again.
    if (this.#state === 'running' && this.#event !== undefined) {
      return this.#render(response, this.#event)
    }
    if (this.#state === 'ready') {
      if (this.#poll !== undefined) refuse(request, this.#poll, forbidden('ready', 'Ready'))
      return this.#wait(response)
    }
    if (this.#state !== 'started' && this.#state !== 'answered') {
      return refuse(request, response, forbidden(this.#state, 'Ready'))
    }
    this.#state = 'ready'
    this.#event = undefined
    this.#wait(response)
    this.#listener.onReady()
  }

  #wait(response: ServerResponse): void {
    this.#poll = response
    response.on('close', () => {
      if (this.#poll === response) this.#poll = undefined
    })
  }

  #render(response: ServerResponse, event: RuntimeEvent): void {
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(event.payload),
      'Lambda-Runtime-Aws-Request-Id': event.requestId,
      'Lambda-Runtime-Invocation-Id': event.invocationId,
      'Lambda-Runtime-Deadline-Ms': String(event.deadlineMs),
      'Lambda-Runtime-Invoked-Function-Arn': event.functionArn,
      'Lambda-Runtime-Trace-Id': event.traceId,
      ...(event.clientContext === undefined
        ? {}
        : { 'Lambda-Runtime-Client-Context': event.clientContext }),
    })
    response.end(event.payload)
  }

  async #invocation(
    request: IncomingMessage,
    response: ServerResponse,
    { requestId, isError }: { readonly requestId: string; readonly isError: boolean },
  ): Promise<void> {
    const event = this.#event
    if (this.#state !== 'running' || event === undefined) {
      const wanted = isError ? 'InvocationErrorResponse' : 'InvocationResponse'
      return refuse(request, response, forbidden(this.#state, wanted))
    }
    if (requestId !== event.requestId) return refuse(request, response, invalidRequestId)
    const invocationId = request.headers['lambda-runtime-invocation-id']
    if (invocationId !== undefined && invocationId !== event.invocationId) {
      return refuse(request, response, invalidInvocationId)
    }
    const mode = request.headers['lambda-runtime-function-response-mode']
    if (mode !== undefined) return refuse(request, response, invalidResponseMode(String(mode)))
    this.#state = 'answering'
    const body = await bodyOf(request)
    if (body.kind === 'truncated') {
      this.#state = 'running'
      return refuse(request, response, truncated)
    }
    this.#state = 'answered'
    if (body.kind === 'too-large') {
      this.#listener.onAnswer({ outcome: 'failed', payload: responseTooLarge })
      return refuse(request, response, entityTooLarge)
    }
    this.#listener.onAnswer(isError ? failure(request, body) : result(body))
    accept(response)
  }

  async #initError(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#state !== 'started') {
      return refuse(request, response, forbidden(this.#state, 'InitError'))
    }
    this.#state = 'init-error'
    const body = await bodyOf(request)
    this.#listener.onInitError(
      errorText(request, body.kind === 'whole' ? body.bytes.toString() : ''),
    )
    if (body.kind === 'truncated') return refuse(request, response, truncated)
    if (body.kind === 'too-large') return refuse(request, response, entityTooLarge)
    accept(response)
  }
}

type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'truncated' }

interface Refusal {
  readonly status: number
  readonly errorType: string
  readonly errorMessage: string
}

const invalidRequestId: Refusal = {
  status: 400,
  errorType: 'InvalidRequestID',
  errorMessage: 'Invalid request ID',
}
const invalidInvocationId: Refusal = {
  status: 400,
  errorType: 'InvalidInvocationId',
  errorMessage: 'Invalid invocation ID',
}
const truncated: Refusal = {
  status: 400,
  errorType: 'TruncatedHTTPRequest',
  errorMessage: 'HTTP request detected as truncated',
}
const entityTooLarge: Refusal = {
  status: 413,
  errorType: 'RequestEntityTooLarge',
  errorMessage: `Exceeded maximum allowed payload size (${payloadMaxBytes} bytes).`,
}
const responseTooLarge = JSON.stringify({
  errorType: 'Function.ResponseSizeTooLarge',
  errorMessage: `Response payload size exceeded maximum allowed payload size (${payloadMaxBytes} bytes).`,
})

type Whole = Extract<Body, { kind: 'whole' }>

function failure(request: IncomingMessage, { bytes }: Whole): RuntimeAnswer {
  return { outcome: 'failed', payload: errorText(request, bytes.toString()) }
}

// Lambda passes any bytes on.
function result({ bytes }: Whole): RuntimeAnswer {
  const payload = bytes.toString()
  return { outcome: 'returned', payload, ...(isUtf8(bytes) ? {} : { payloadBytes: bytes }) }
}

function forbidden(state: State, wanted: string): Refusal {
  const errorMessage =
    `State transition from ${stateNames[state]} to ${wanted} failed for runtime. ` +
    'Error: State transition is not allowed'
  return { status: 403, errorType: 'InvalidStateTransition', errorMessage }
}

function notFound(url: string): Refusal {
  return { status: 404, errorType: 'NotFound', errorMessage: `${url} is not served here` }
}

function methodNotAllowed(method: string | undefined): Refusal {
  const errorMessage = `${method ?? 'this method'} is not allowed here`
  return { status: 405, errorType: 'MethodNotAllowed', errorMessage }
}

function invalidResponseMode(mode: string): Refusal {
  const errorMessage = `Invalid function response mode: ${mode} is not available, responses are sent whole`
  return { status: 400, errorType: 'InvalidFunctionResponseMode', errorMessage }
}

function accept(response: ServerResponse): void {
  respond(response, 202, { status: 'OK' })
}

// What is left of a body is read and dropped, or its sender would not come to see the answer.
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, ...error }: Refusal,
): void {
  request.resume()
  respond(response, status, error)
}

function respond(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** Holds no more than a payload may be, whatever is announced or sent. */
function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  return new Promise((resolve) => {
    if (Number(request.headers['content-length'] ?? 0) > payloadMaxBytes) {
      return resolve({ kind: 'too-large' })
    }
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length
      if (sizeBytes <= payloadMaxBytes) chunks.push(chunk)
      else {
        chunks.length = 0
        resolve({ kind: 'too-large' })
      }
    })
    request.on('end', () => resolve({ kind: 'whole', bytes: Buffer.concat(chunks) }))
    request.on('close', () => resolve({ kind: 'truncated' }))
  })
}

/** Lambda makes an error of the type that a header names where the runtime sends no other. */
function errorText(request: IncomingMessage, body: string): string {
  if (body !== '') return body
  const errorType = request.headers['lambda-runtime-function-error-type'] ?? 'Runtime.Unknown'
  return JSON.stringify({ errorType, errorMessage: '' })
}
