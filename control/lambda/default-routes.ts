// What Terraform and others read of every function, and what is AWS's default here for all of them.
import { versionRequestMaxBytes } from '../../common/limits.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { qualifiedArn } from './function-lookup.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import { recursionRequest, runtimeManagementRequest } from './requests.ts'
import { answer, type ApiAnswer, type ApiRequest, type Route } from './route.ts'
import { Violations } from '../../common/aws/validation.ts'

interface Context {
  readonly functions: FunctionService
}

const bodyMaxBytes = versionRequestMaxBytes
const nameOf = (request: ApiRequest): string => request.path['name'] ?? ''

export function defaultRoutes({ functions }: Context): readonly Route[] {
  const runtimeManagement = '/2021-07-20/functions/:name/runtime-management-config'
  const recursion = '/2024-08-31/functions/:name/recursion-config'
  const recursive = (request: ApiRequest): Outcome<ApiAnswer> =>
    answer(200, functions.getConcurrency(nameOf(request)), () => ({ RecursiveLoop: 'Terminate' }))
  return [
    {
      operation: 'GetFunctionCodeSigningConfig',
      method: 'get',
      path: '/2020-06-30/functions/:name/code-signing-config',
      bodyMaxBytes,
      // Recorded: of a function without one, an empty answer.
      handle: (request) => answer(200, functions.getConcurrency(nameOf(request)), () => ({})),
    },
    {
      operation: 'GetRuntimeManagementConfig',
      method: 'get',
      path: runtimeManagement,
      bodyMaxBytes,
      handle: (request) => runtimeManagementConfig(request, functions),
    },
    {
      operation: 'PutRuntimeManagementConfig',
      method: 'put',
      path: runtimeManagement,
      bodyMaxBytes,
      handle: (request) => {
        const input = readRequest(runtimeManagementRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const modes = ['Auto', 'Manual', 'FunctionUpdate']
        const error =
          checkMode('updateRuntimeOn', input.UpdateRuntimeOn, modes) ??
          refuseRuntimeVersion(input.RuntimeVersionArn)
        return error ?? runtimeManagementConfig(request, functions)
      },
    },
    {
      operation: 'GetFunctionRecursionConfig',
      method: 'get',
      path: recursion,
      bodyMaxBytes,
      handle: recursive,
    },
    {
      operation: 'PutFunctionRecursionConfig',
      method: 'put',
      path: recursion,
      bodyMaxBytes,
      handle: (request) => {
        const input = readRequest(recursionRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const modes = ['Terminate', 'Allow']
        return checkMode('recursiveLoop', input.RecursiveLoop, modes) ?? recursive(request)
      },
    },
  ]
}

function runtimeManagementConfig(
  request: ApiRequest,
  functions: FunctionService,
): Outcome<ApiAnswer> {
  const found = functions.find(nameOf(request), request.query('Qualifier'))
  return answer(200, found, ({ latest, qualifier = '$LATEST' }) => ({
    FunctionArn: qualifiedArn(latest.arn, qualifier),
    UpdateRuntimeOn: 'Auto',
  }))
}

function refuseRuntimeVersion(arn: string | undefined): LambdaApiError | undefined {
  if (arn === undefined) return undefined
  const violations = new Violations()
  violations.length('runtimeVersionArn', arn, [26, 2048])
  const error = violations.error()
  if (error !== undefined) return error
  return invalidParameter('RuntimeVersionArn is not available: only UpdateRuntimeOn Auto is.')
}

/** AWS's default, the first of the words, is the only one that is true here. */
function checkMode(
  name: string,
  value: string | undefined,
  words: readonly string[],
): LambdaApiError | undefined {
  const violations = new Violations()
  violations.required(name, value)
  violations.oneOf(name, value, words)
  const error = violations.error()
  if (error !== undefined || value === words[0]) return error
  return invalidParameter(`${value} is not available: only ${words[0]} is.`)
}
