// The Lambda API's routes for functions.
import { functionRequestMaxBytes } from '../../common/limits.ts'
import { isVersion, versionOf } from '../registry/function-version.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type { FoundFunction } from './function-lookup.ts'
import type { Account } from './function-name.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import {
  createFunctionRequest,
  updateFunctionCodeRequest,
  updateFunctionConfigurationRequest,
} from './requests.ts'
import { answer, maxItemsOf, type ApiAnswer, type ApiRequest, type Route } from './route.ts'
import {
  codeLocation,
  functionConcurrency,
  functionConfiguration,
  listedConfiguration,
} from './shapes.ts'

const root = '/2015-03-31/functions'

interface Context {
  readonly functions: FunctionService
  readonly account: Account
}

const bodyMaxBytes = functionRequestMaxBytes

export function functionRoutes(context: Context): readonly Route[] {
  return [...readingRoutes(context), ...changingRoutes(context)]
}

function readingRoutes(context: Context): readonly Route[] {
  const { functions, account } = context
  const find = (request: ApiRequest): Outcome<FoundFunction> =>
    functions.find(nameOf(request), request.query('Qualifier'))
  const configuration = (found: FoundFunction): unknown =>
    functionConfiguration(found.target, account, found.qualifier)
  return [
    {
      operation: 'ListFunctions',
      method: 'get',
      path: root,
      bodyMaxBytes,
      handle: (request) => listFunctions(request, context),
    },
    {
      operation: 'GetFunction',
      method: 'get',
      path: `${root}/:name`,
      bodyMaxBytes,
      handle: (request) =>
        answer(200, find(request), (found) => ({
          Code: codeLocation(found.target, request.header('host')),
          ...(found.latest.reservedConcurrency === undefined
            ? {}
            : { Concurrency: functionConcurrency(found.latest) }),
          Configuration: configuration(found),
          ...(found.latest.tags === undefined ? {} : { Tags: found.latest.tags }),
        })),
    },
    {
      operation: 'GetFunctionConfiguration',
      method: 'get',
      path: `${root}/:name/configuration`,
      bodyMaxBytes,
      handle: (request) => answer(200, find(request), configuration),
    },
  ]
}

function changingRoutes({ functions, account }: Context): readonly Route[] {
  return [
    {
      operation: 'CreateFunction',
      method: 'post',
      path: root,
      bodyMaxBytes,
      handle: async ({ body }) => {
        const input = readRequest(createFunctionRequest, body)
        if (input instanceof LambdaApiError) return input
        // Recorded: with Publish the answer is the version, under the function's own ARN.
        return answer(201, await functions.create(input), (record) =>
          functionConfiguration(record, account),
        )
      },
    },
    {
      operation: 'UpdateFunctionCode',
      method: 'put',
      path: `${root}/:name/code`,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(updateFunctionCodeRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const updated = await functions.updateCode(nameOf(request), input)
        return answer(200, updated, (record) =>
          functionConfiguration(record, account, isVersion(record) ? record.version : undefined),
        )
      },
    },
    {
      operation: 'UpdateFunctionConfiguration',
      method: 'put',
      path: `${root}/:name/configuration`,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(updateFunctionConfigurationRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const updated = await functions.updateConfiguration(nameOf(request), input)
        return answer(200, updated, (record) => functionConfiguration(record, account))
      },
    },
    {
      operation: 'DeleteFunction',
      method: 'delete',
      path: `${root}/:name`,
      bodyMaxBytes,
      handle: async (request) => {
        const deleted = await functions.delete(nameOf(request), request.query('Qualifier'))
        return answer(204, deleted, () => undefined)
      },
    },
  ]
}

function listFunctions(request: ApiRequest, { functions, account }: Context): Outcome<ApiAnswer> {
  const maxItems = maxItemsOf(request)
  if (maxItems instanceof LambdaApiError) return maxItems
  const functionVersion = request.query('FunctionVersion')
  const page = functions.list({ marker: request.query('Marker'), maxItems, functionVersion })
  return answer(200, page, ({ items, nextMarker }) => ({
    Functions: items.map((record) =>
      listedConfiguration(
        record,
        account,
        functionVersion === undefined ? undefined : versionOf(record),
      ),
    ),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
  }))
}

function nameOf(request: ApiRequest): string {
  return request.path['name'] ?? ''
}
