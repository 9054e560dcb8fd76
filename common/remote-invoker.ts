// Invokes functions of workers in another process, over Lambda's Invoke.
import { isUtf8 } from 'node:buffer'
import { Agent, request, type IncomingMessage } from 'node:http'
import { AppError, reasonOf } from './errors.ts'
import {
  payloadText,
  refusalStatuses,
  type FunctionInvoker,
  type Invocation,
  type InvocationCompleted,
  type InvocationRefused,
  type InvocationResult,
} from './invocation.ts'
import { payloadMaxBytes, remoteInvocationsMax } from './limits.ts'

export interface RemoteInvokerOptions {
  /** `http://host:port` of the workers. */
  readonly url: string
  /** The revision of a function that this process knows: workers that know an older one look first. */
  readonly revisionOf?: (functionName: string) => number | undefined
}

/** What of a function the caller knows at least. */
export const revisionHeader = 'x-millrace-function-revision'
/** How long an invocation waited for room. */
export const roomWaitHeader = 'x-millrace-room-wait-ms'

/** A result is at most a payload, a log tail and what JSON adds to an error. */
const responseMaxBytes = payloadMaxBytes + 64 * 1024

/**
 * Connections are kept and reused, `remoteInvocationsMax` at most; further invocations wait for one.
 * Rejects with AppError WORKERS_UNREACHABLE when no one answers, or not as workers do: the function
 * may or may not have run.
 */
export class RemoteInvoker implements FunctionInvoker {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: remoteInvocationsMax })

  readonly #revisionOf: (functionName: string) => number | undefined

  constructor({ url, revisionOf = () => undefined }: RemoteInvokerOptions) {
    this.#url = url.replace(/\/+$/, '')
    this.#revisionOf = revisionOf
  }

  async invoke(invocation: Invocation): Promise<InvocationResult> {
    try {
      const response = await this.#post(invocation)
      return resultOf(response, await readBody(response))
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new AppError('WORKERS_UNREACHABLE', { url: this.#url, reason: reasonOf(error) }, error)
    }
  }

  /** Drops the connections, also those of invocations that still run. */
  close(): void {
    this.#agent.destroy()
  }

  #post(invocation: Invocation): Promise<IncomingMessage> {
    const { functionName, qualifier, payload, requestId, clientContext, tailLog } = invocation
    const body = Buffer.from(payloadText(payload))
    const query = qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`
    const path = `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations${query}`
    const revision = this.#revisionOf(functionName)
    return new Promise((resolve, reject) => {
      const call = request(
        `${this.#url}${path}`,
        {
          method: 'POST',
          agent: this.#agent,
          headers: {
            'content-type': 'application/json',
            'content-length': body.length,
            ...(revision === undefined ? {} : { [revisionHeader]: revision }),
            ...(requestId === undefined ? {} : { 'x-amzn-requestid': requestId }),
            ...(clientContext === undefined ? {} : { 'x-amz-client-context': clientContext }),
            ...(tailLog === true ? { 'x-amz-log-type': 'Tail' } : {}),
          },
        },
        resolve,
      )
      call.once('error', reject)
      call.end(body)
    })
  }
}

function resultOf(response: IncomingMessage, body: Buffer): InvocationResult {
  const requestId = headerOf(response, 'x-amzn-requestid')
  if (requestId === undefined) throw new Error(`HTTP ${response.statusCode} is not from workers`)
  return response.statusCode === 200
    ? completed(response, requestId, body)
    : refused(response, requestId, body.toString())
}

function completed(
  response: IncomingMessage,
  requestId: string,
  body: Buffer,
): InvocationCompleted {
  const functionError = headerOf(response, 'x-amz-function-error')
  const logTail = headerOf(response, 'x-amz-log-result')
  const roomWaitMs = Number(headerOf(response, roomWaitHeader) ?? 0)
  return {
    outcome: 'completed',
    requestId,
    executedVersion: headerOf(response, 'x-amz-executed-version') ?? '$LATEST',
    payload: body.toString(),
    ...(isUtf8(body) ? {} : { payloadBytes: body }),
    ...(functionError === undefined
      ? {}
      : { functionError: functionError === 'Handled' ? 'Handled' : 'Unhandled' }),
    ...(logTail === undefined ? {} : { logTail }),
    ...(roomWaitMs > 0 ? { roomWaitMs } : {}),
  }
}

function refused(response: IncomingMessage, requestId: string, body: string): InvocationRefused {
  const code = headerOf(response, 'x-amzn-errortype') ?? ''
  if (!isCode(code))
    throw new Error(`HTTP ${response.statusCode} ${code} is not an answer of Invoke`)
  const { Message: message, Reason: reason } = JSON.parse(body) as Record<string, unknown>
  return {
    outcome: 'refused',
    requestId,
    code,
    message: String(message),
    status: refusalStatuses[code],
    ...(typeof reason === 'string' ? { reason } : {}),
  }
}

function isCode(code: string): code is InvocationRefused['code'] {
  return Object.hasOwn(refusalStatuses, code)
}

function headerOf(response: IncomingMessage, name: string): string | undefined {
  const value = response.headers[name]
  return Array.isArray(value) ? value[0] : value
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > responseMaxBytes) throw new Error(`a response above ${responseMaxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
