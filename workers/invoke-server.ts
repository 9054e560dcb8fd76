// Speaks Lambda's Invoke over HTTP, for control and poller in processes of their own.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { reasonOf } from '../common/errors.ts'
import type { FunctionInvoker, Invocation, InvocationResult } from '../common/invocation.ts'
import { invokeKeepAliveMs, payloadMaxBytes } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import { revisionHeader, roomWaitHeader } from '../common/remote-invoker.ts'
import type { Registry } from '../control/registry/registry.ts'

const pathPattern = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?(.*))?$/

export interface InvokeServerOptions {
  readonly invoker: FunctionInvoker
  readonly registry: Pick<Registry, 'function' | 'refresh'>
  readonly logger: Logger
}

/** `POST /2015-03-31/functions/{name}/invocations?Qualifier=`; synchronous invocations only. Not yet listening. */
export function createInvokeServer(options: InvokeServerOptions): Server {
  // A client that comes back to a connection just as it is closed for idleness has its invocation fail.
  return createServer({ keepAliveTimeout: invokeKeepAliveMs }, (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.logger.error('invocation failed', { path: request.url, reason: reasonOf(error) })
      if (response.headersSent) response.destroy()
      else respond(response, 500, { Type: 'Service', Message: 'Internal error.' })
    })
  })
}

async function answer(
  { invoker, registry }: InvokeServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name, query] = pathPattern.exec(request.url ?? '') ?? []
  if (name === undefined || request.method !== 'POST') {
    return respond(response, 404, {
      Type: 'User',
      Message: 'try POST …/functions/{name}/invocations',
    })
  }
  const type = headerOf(request, 'x-amz-invocation-type') ?? 'RequestResponse'
  if (type !== 'RequestResponse') {
    const text = `InvocationType ${type} is not served at this door`
    return respond(response, 400, { Type: 'User', Message: text })
  }
  const payload = await readBody(request)
  // Who has just deployed a function invokes that one, whichever of two processes is ahead.
  const revision = Number(headerOf(request, revisionHeader) ?? 0)
  const known = registry.function(decoded(name))?.revision ?? 0
  if (revision > known) await registry.refresh()
  const qualifier = new URLSearchParams(query).get('Qualifier') ?? ''
  const target = { functionName: decoded(name), ...(qualifier === '' ? {} : { qualifier }) }
  writeResult(response, await invoker.invoke(invocationOf(request, target, payload)))
}

function invocationOf(
  request: IncomingMessage,
  target: Pick<Invocation, 'functionName' | 'qualifier'>,
  payload: string,
): Invocation {
  const clientContext = headerOf(request, 'x-amz-client-context')
  const requestId = headerOf(request, 'x-amzn-requestid')
  return {
    ...target,
    payload,
    ...(requestId === undefined || !/^[\w-]{1,64}$/.test(requestId) ? {} : { requestId }),
    ...(clientContext === undefined ? {} : { clientContext }),
    ...(headerOf(request, 'x-amz-log-type') === 'Tail' ? { tailLog: true } : {}),
  }
}

function writeResult(response: ServerResponse, result: InvocationResult): void {
  response.setHeader('x-amzn-requestid', result.requestId)
  if (result.outcome === 'refused') {
    response.setHeader('x-amzn-errortype', result.code)
    const { message, reason, status } = result
    return respond(response, status, {
      Type: status === 500 ? 'Service' : 'User',
      Message: message,
      ...(reason === undefined ? {} : { Reason: reason }),
    })
  }
  response.setHeader('x-amz-executed-version', result.executedVersion)
  const { functionError, logTail, payload, payloadBytes, roomWaitMs } = result
  if (functionError !== undefined) response.setHeader('x-amz-function-error', functionError)
  if (logTail !== undefined) response.setHeader('x-amz-log-result', logTail)
  if (roomWaitMs !== undefined) response.setHeader(roomWaitHeader, roomWaitMs)
  send(response, 200, payloadBytes ?? payload)
}

/** The body, cut one byte above the largest payload: what follows is not kept. */
async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (size <= payloadMaxBytes) chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8')
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

// A name that is no valid percent-encoding names no function; it is looked up as it stands.
function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch (error) {
    if (error instanceof URIError) return name
    throw error
  }
}

function respond(response: ServerResponse, status: number, body: object): void {
  send(response, status, JSON.stringify(body))
}

function send(response: ServerResponse, status: number, body: string | Uint8Array): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
  })
  response.end(bytes)
}
