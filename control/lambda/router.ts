// Serves the Lambda API's routes over HTTP with express; any signature is accepted unchecked.
import { randomUUID } from 'node:crypto'
import { pipeline, Readable } from 'node:stream'
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express'
import { AppError, reasonOf } from '../../common/errors.ts'
import { largeRequestMinBytes } from '../../common/limits.ts'
import type { Logger } from '../../common/logger.ts'
import { bodyOf, LambdaApiError, statusOf, type Outcome } from './api-errors.ts'
import { LargeBodies } from './large-bodies.ts'
import type { RequestCounter } from './request-counter.ts'
import type { ApiAnswer, ApiRequest, Route } from './route.ts'

export interface RouterOptions {
  readonly routes: readonly Route[]
  readonly counter: RequestCounter
  readonly logger: Logger
  /** Adds what is no route: other protocols on the same door, which come first. */
  readonly extend?: (app: Express) => Promise<void>
}

/** Loads express, which a process that serves no API does not need. */
export async function createRouter(options: RouterOptions): Promise<Express> {
  const { default: express } = await import('express')
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  await options.extend?.(app)
  const largeBodies = new LargeBodies()
  for (const route of options.routes) {
    const readBody = express.raw({ type: () => true, limit: route.bodyMaxBytes })
    const turn = route.bodyMaxBytes > largeRequestMinBytes ? [largeBodies.handler] : []
    app[route.method](
      route.path,
      named(route.operation),
      ...turn,
      readBody,
      (request, response, next) => {
        Promise.resolve()
          .then(() => route.handle(apiRequest(request)))
          .then((outcome) => send(response, outcome, options), next)
      },
    )
  }
  app.use((request, response) => {
    const text = `There is no operation ${request.method} ${request.path.slice(0, 200)}`
    send(response, new LambdaApiError('UnknownOperationException', text), options)
  })
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    send(response, refusalOf(error, { request, response, logger: options.logger }), options)
  })
  return app
}

/** Tells the steps that follow whose request it is. */
function named(operation: string): RequestHandler {
  return (_request, response, next) => {
    response.locals['operation'] = operation
    next()
  }
}

function operationOf(response: Response): string {
  const operation: unknown = response.locals['operation']
  return typeof operation === 'string' ? operation : 'Unknown'
}

function apiRequest(request: Request): ApiRequest {
  const body: unknown = request.body
  return {
    path: request.params as Record<string, string>,
    query: (name) => {
      const value: unknown = request.query[name]
      if (Array.isArray(value)) return (value as unknown[]).join(',')
      return typeof value === 'string' ? value : undefined
    },
    queryAll: (name) => {
      const value: unknown = request.query[name]
      const values = Array.isArray(value) ? (value as unknown[]) : [value]
      return values.filter((each) => typeof each === 'string')
    },
    header: (name) => request.header(name),
    body: body instanceof Uint8Array ? body : new Uint8Array(),
  }
}

function send(response: Response, outcome: Outcome<ApiAnswer>, { counter }: RouterOptions): void {
  const refused = outcome instanceof LambdaApiError
  const status = refused ? statusOf(outcome) : outcome.status
  const body: unknown = refused ? bodyOf(outcome) : outcome.body
  const named = refused ? undefined : outcome.operation
  counter.add(named ?? operationOf(response), status)
  response.status(status)
  response.setHeader('x-amzn-requestid', randomUUID())
  if (refused) response.setHeader('x-amzn-errortype', outcome.code)
  // AWS says so of every throttle; the SDKs wait as long before they try again.
  if (status === 429) response.setHeader('retry-after', '1')
  for (const [name, value] of refused ? [] : Object.entries(outcome.headers ?? {})) {
    response.setHeader(name, value)
  }
  if (body === undefined) {
    response.end()
    return
  }
  if (body instanceof Readable) {
    response.setHeader('content-type', 'application/zip')
    // What fails amid it ends the connection; nobody can be told any more.
    pipeline(body, response, () => {})
    return
  }
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json')
  const isReady = typeof body === 'string' || body instanceof Uint8Array
  response.end(isReady ? body : JSON.stringify(body))
}

interface Failed {
  readonly request: Request
  readonly response: Response
  readonly logger: Logger
}

/** What the caller is told of a request that failed before or under its operation. */
function refusalOf(error: unknown, { request, response, logger }: Failed): LambdaApiError {
  const limit = limitOf(error)
  if (limit !== undefined) {
    // AWS calls the operation of Invoke by its old name here.
    const operation = operationOf(response).replace(/^Invoke$/, 'InvokeFunction')
    const text = `Request must be smaller than ${limit} bytes for the ${operation} operation`
    return new LambdaApiError('RequestTooLargeException', text)
  }
  // express and its body reader mark what the client did wrong (a bad %-escape, a broken gzip).
  if (error instanceof Error && 'status' in error && typeof error.status === 'number') {
    // Invoke alone has a code for a body that is encoded in a way that nobody knows.
    const isForeign = error.status === 415 && operationOf(response) === 'Invoke'
    const code = isForeign ? 'UnsupportedMediaTypeException' : 'SerializationException'
    if (error.status < 500) return new LambdaApiError(code, error.message)
  }
  logger.error('request failed', {
    method: request.method,
    path: request.path,
    reason: reasonOf(error),
    ...(error instanceof AppError || !(error instanceof Error) ? {} : { stack: error.stack }),
  })
  const text = error instanceof AppError ? reasonOf(error) : 'The service failed; see its log.'
  return new LambdaApiError('ServiceException', text)
}

function limitOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('type' in error && 'limit' in error)) return undefined
  if (error.type !== 'entity.too.large' || typeof error.limit !== 'number') return undefined
  return error.limit
}
