// The Lambda API's routes for functions.
import { functionRequestMaxBytes } from '../../common/limits.ts'
import type { FunctionRecord } from '../registry/registry.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type { Account } from './function-name.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from './members.ts'
import {
  createFunctionRequest,
  updateFunctionCodeRequest,
  updateFunctionConfigurationRequest,
} from './requests.ts'
import { answer, queryNumber, type ApiAnswer, type ApiRequest, type Route } from './route.ts'
import { codeLocation, functionConcurrency, functionConfiguration } from './shapes.ts'

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
  const find = (request: ApiRequest): Outcome<FunctionRecord> =>
    functions.get(nameOf(request), request.query('Qualifier'))
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
        answer(200, find(request), (record) => ({
          Code: codeLocation(record),
          ...(record.reservedConcurrency === undefined
            ? {}
            : { Concurrency: functionConcurrency(record) }),
          Configuration: functionConfiguration(record, account, request.query('Qualifier')),
        })),
    },
    {
      operation: 'GetFunctionConfiguration',
      method: 'get',
      path: `${root}/:name/configuration`,
      bodyMaxBytes,
      handle: (request) =>
        answer(200, find(request), (record) =>
          functionConfiguration(record, account, request.query('Qualifier')),
        ),
    },
  ]
}

function changingRoutes({ functions, account }: Context): readonly Route[] {
  const configuration = (record: FunctionRecord): unknown => functionConfiguration(record, account)
  return [
    {
      operation: 'CreateFunction',
      method: 'post',
      path: root,
      bodyMaxBytes,
      handle: async ({ body }) => {
        const input = readRequest(createFunctionRequest, body)
        if (input instanceof LambdaApiError) return input
        return answer(201, await functions.create(input), configuration)
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
        return answer(200, await functions.updateCode(nameOf(request), input), configuration)
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
        return answer(200, updated, configuration)
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
  const maxItems = queryNumber(request, 'MaxItems')
  if (maxItems instanceof LambdaApiError) return maxItems
  const page = functions.list({ marker: request.query('Marker'), maxItems })
  return answer(200, page, ({ items, nextMarker }) => ({
    Functions: items.map((record) => functionConfiguration(record, account)),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
  }))
}

function nameOf(request: ApiRequest): string {
  return request.path['name'] ?? ''
}
