// Serves AWS's JSON protocol (awsJson1_1): POST / with the operation in X-Amz-Target.
import { randomUUID } from 'node:crypto'
import type { Express, Request, Response } from 'express'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { RequestCounter } from '../lambda/request-counter.ts'
import { JsonApiError, type JsonOutcome, type JsonService } from './json-service.ts'

export interface JsonRouterOptions {
  readonly services: readonly JsonService[]
  readonly counter: RequestCounter
  readonly logger: Logger
}

/** Leaves requests without the header to whoever comes after. */
export async function serveJson(app: Express, options: JsonRouterOptions): Promise<void> {
  const { raw } = await import('express')
  const limit = Math.max(0, ...options.services.map(({ bodyMaxBytes }) => bodyMaxBytes))
  const readBody = raw({ type: () => true, limit })
  app.post('/', (request, response, next) => {
    const target = request.header('x-amz-target')
    if (target === undefined) return next()
    const { name, run } = find(options.services, target)
    readBody(request, response, (failure: unknown) => {
      Promise.resolve()
        .then(() => (failure === undefined ? run(bodyOf(request)) : unreadable(failure)))
        .catch((error: unknown) => failed(error, target, options.logger))
        .then((outcome) => answer(response, { name, outcome }, options))
        .catch((error: unknown) => options.logger.error('no answer', { reason: reasonOf(error) }))
    })
  })
}

interface Found {
  /** As it is counted: what clients make up is one name. */
  readonly name: string
  readonly run: (body: Uint8Array) => Promise<JsonOutcome>
}

function find(services: readonly JsonService[], target: string): Found {
  const [prefix = '', name = ''] = target.split('.', 2)
  const service = services.find(({ targetPrefix }) => targetPrefix === prefix)
  if (service !== undefined && Object.hasOwn(service.operations, name)) {
    const run = service.operations[name]
    if (run !== undefined) return { name, run }
  }
  const text = `There is no operation ${target.slice(0, 200)}`
  return {
    name: 'Unknown',
    run: async () => new JsonApiError('UnknownOperationException', text),
  }
}

function bodyOf(request: Request): Uint8Array {
  const body: unknown = request.body
  return body instanceof Uint8Array ? body : new Uint8Array()
}

/** What the body's reader says: too large, cut off, or not what its encoding says. */
function unreadable(failure: unknown): JsonApiError {
  const status =
    failure instanceof Error && 'status' in failure && typeof failure.status === 'number'
      ? failure.status
      : 400
  if (status === 413)
    return new JsonApiError('RequestEntityTooLargeException', reasonOf(failure), 413)
  return new JsonApiError('SerializationException', reasonOf(failure))
}

function failed(error: unknown, target: string, logger: Logger): JsonApiError {
  logger.error('request failed', {
    target: target.slice(0, 200),
    reason: reasonOf(error),
    ...(error instanceof AppError || !(error instanceof Error) ? {} : { stack: error.stack }),
  })
  const text = error instanceof AppError ? reasonOf(error) : 'The service failed; see its log.'
  return new JsonApiError('ServiceUnavailableException', text, 503)
}

function answer(
  response: Response,
  { name, outcome }: { readonly name: string; readonly outcome: JsonOutcome },
  { counter }: JsonRouterOptions,
): void {
  const refused = outcome instanceof JsonApiError
  const status = refused ? outcome.status : 200
  counter.add(name, status)
  response.status(status)
  response.setHeader('x-amzn-requestid', randomUUID())
  response.setHeader('content-type', 'application/x-amz-json-1.1')
  if (refused) {
    response.setHeader('x-amzn-errortype', outcome.type)
    response.end(JSON.stringify({ __type: outcome.type, message: outcome.message }))
    return
  }
  // An operation without an answer has an empty body on AWS.
  response.end(outcome === undefined ? '' : JSON.stringify(outcome))
}
