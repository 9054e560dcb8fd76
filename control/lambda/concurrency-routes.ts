// The Lambda API's routes for reserved concurrency, and for the account that it is taken from.
import {
  codeUnzippedMaxBytes,
  codeZipMaxBytes,
  concurrencyRequestMaxBytes,
} from '../../common/limits.ts'
import { LambdaApiError } from './api-errors.ts'
import { unreservedConcurrency } from './concurrency-rules.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import { putFunctionConcurrencyRequest } from './requests.ts'
import { answer, type ApiRequest, type Route } from './route.ts'
import { functionConcurrency } from './shapes.ts'

const bodyMaxBytes = concurrencyRequestMaxBytes
const nameOf = (request: ApiRequest): string => request.path['name'] ?? ''

export function concurrencyRoutes({
  functions,
}: {
  readonly functions: FunctionService
}): readonly Route[] {
  return [
    {
      operation: 'PutFunctionConcurrency',
      method: 'put',
      path: '/2017-10-31/functions/:name/concurrency',
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(putFunctionConcurrencyRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const changed = await functions.putConcurrency(nameOf(request), input)
        return answer(200, changed, functionConcurrency)
      },
    },
    {
      operation: 'GetFunctionConcurrency',
      method: 'get',
      path: '/2019-09-30/functions/:name/concurrency',
      bodyMaxBytes,
      handle: (request) =>
        answer(200, functions.getConcurrency(nameOf(request)), functionConcurrency),
    },
    {
      operation: 'DeleteFunctionConcurrency',
      method: 'delete',
      path: '/2017-10-31/functions/:name/concurrency',
      bodyMaxBytes,
      handle: async (request) =>
        answer(204, await functions.deleteConcurrency(nameOf(request)), () => undefined),
    },
    {
      operation: 'GetAccountSettings',
      method: 'get',
      path: '/2016-08-19/account-settings',
      bodyMaxBytes,
      handle: () => ({
        status: 200,
        body: accountSettings(functions),
      }),
    },
  ]
}

/** Lambda: 75 GB of code an account. Nothing here holds anyone to it; the disk does. */
const totalCodeSizeBytes = 80_530_636_800

function accountSettings(service: FunctionService): object {
  const { accountConcurrency } = service
  const functions = service.all()
  return {
    AccountLimit: {
      CodeSizeUnzipped: codeUnzippedMaxBytes,
      CodeSizeZipped: codeZipMaxBytes,
      ConcurrentExecutions: accountConcurrency,
      TotalCodeSize: totalCodeSizeBytes,
      UnreservedConcurrentExecutions: unreservedConcurrency(functions, accountConcurrency),
    },
    AccountUsage: {
      FunctionCount: functions.length,
      TotalCodeSize: [...functions, ...service.versions.all()].reduce(
        (sum, { code }) => sum + (code.kind === 'zip' ? code.sizeBytes : 0),
        0,
      ),
    },
  }
}
