// The Lambda API's Invoke: checks the request and hands it to the workers, or to the queue.
import { asyncPayloadMaxBytes } from '../../common/async-limits.ts'
import type { FunctionInvoker, InvocationResult } from '../../common/invocation.ts'
import { clientContextMaxBytes, payloadMaxBytes } from '../../common/limits.ts'
import type { AsyncInvoker, AsyncRequest } from '../async/async-invoker.ts'
import { versionOf } from '../registry/function-version.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import type { FunctionService } from './function-service.ts'
import type { ApiAnswer, ApiRequest, Route } from './route.ts'
import { Violations } from '../../common/aws/validation.ts'

interface Context {
  readonly functions: FunctionService
  readonly invoker: FunctionInvoker
  readonly asyncInvoker: Pick<AsyncInvoker, 'submit'>
}

export function invokeRoute(context: Context): Route {
  return {
    operation: 'Invoke',
    method: 'post',
    path: '/2015-03-31/functions/:name/invocations',
    bodyMaxBytes: payloadMaxBytes,
    handle: (request) => invoke(request, context),
  }
}

async function invoke(
  request: ApiRequest,
  { functions, invoker, asyncInvoker }: Context,
): Promise<Outcome<ApiAnswer>> {
  const type = request.header('x-amz-invocation-type') ?? 'RequestResponse'
  const logType = request.header('x-amz-log-type') ?? 'None'
  const violations = new Violations()
  violations.oneOf('invocationType', type, ['Event', 'RequestResponse', 'DryRun'])
  violations.oneOf('logType', logType, ['None', 'Tail'])
  const error = violations.error() ?? refuseUnavailable(request)
  if (error !== undefined) return error
  const found = functions.find(request.path['name'] ?? '', request.query('Qualifier'))
  if (found instanceof LambdaApiError) return found
  const payload = payloadOf(request.body)
  if (payload instanceof LambdaApiError) return payload
  const clientContext = request.header('x-amz-client-context')
  if (clientContext !== undefined) {
    const refused = checkClientContext(clientContext)
    if (refused !== undefined) return refused
  }
  if (type === 'DryRun') {
    return { status: 204, headers: { 'x-amz-executed-version': versionOf(found.target) } }
  }
  if (type === 'Event') {
    const { latest, qualifier } = found
    return submit({ functionName: latest.name, qualifier, payload }, asyncInvoker)
  }
  const result = await invoker.invoke({
    functionName: found.latest.name,
    ...(found.qualifier === undefined ? {} : { qualifier: found.qualifier }),
    payload,
    ...(clientContext === undefined ? {} : { clientContext }),
    tailLog: logType === 'Tail',
  })
  return answerOf(result)
}

/** What would change how the event is run; to pass it over would be to run it otherwise. */
function refuseUnavailable(request: ApiRequest): LambdaApiError | undefined {
  const unavailable = { DurableExecutionName: 'durable-execution-name', TenantId: 'tenant-id' }
  const found = Object.entries(unavailable).find(
    ([, header]) => request.header(`x-amz-${header}`) !== undefined,
  )
  return found === undefined ? undefined : invalidParameter(`${found[0]} is not available yet.`)
}

/** Answers when the event is on the disk; the caller hears no more of it. */
async function submit(
  event: AsyncRequest,
  asyncInvoker: Pick<AsyncInvoker, 'submit'>,
): Promise<Outcome<ApiAnswer>> {
  const sizeBytes = Buffer.byteLength(event.payload)
  if (sizeBytes > asyncPayloadMaxBytes) {
    return new LambdaApiError(
      'RequestTooLargeException',
      `${sizeBytes} byte payload is too large for the Event invocation type ` +
        `(limit ${asyncPayloadMaxBytes} bytes)`,
    )
  }
  const taken = await asyncInvoker.submit(event)
  if (taken === 'full') {
    const reason = 'FunctionInvocationRateLimitExceeded'
    return new LambdaApiError('TooManyRequestsException', 'Rate Exceeded.', reason)
  }
  return { status: 202, headers: { 'x-amzn-requestid': taken.requestId } }
}

function answerOf(result: InvocationResult): Outcome<ApiAnswer> {
  if (result.outcome === 'refused') {
    return new LambdaApiError(result.code, result.message, result.reason)
  }
  const { functionError, logTail } = result
  return {
    status: 200,
    body: result.payloadBytes ?? result.payload,
    headers: {
      'x-amzn-requestid': result.requestId,
      'x-amz-executed-version': result.executedVersion,
      ...(functionError === undefined ? {} : { 'x-amz-function-error': functionError }),
      ...(logTail === undefined ? {} : { 'x-amz-log-result': logTail }),
    },
  }
}

/** The event as JSON text; no payload at all is an empty event. */
function payloadOf(body: Uint8Array): Outcome<string> {
  if (body.byteLength === 0) return '{}'
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    JSON.parse(text)
    return text
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
    return new LambdaApiError(
      'InvalidRequestContentException',
      `Could not parse request body into json: Could not parse payload into json: ${error.message}`,
    )
  }
}

function checkClientContext(text: string): LambdaApiError | undefined {
  const refusal = (message: string): LambdaApiError =>
    new LambdaApiError('InvalidRequestContentException', message)
  if (text.length > clientContextMaxBytes) {
    return refusal(`Client context must be no more than ${clientContextMaxBytes} bytes.`)
  }
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return refusal('Client context must be a valid Base64-encoded JSON object.')
}
