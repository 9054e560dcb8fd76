// The Lambda API's routes for provisioned concurrency.
import { concurrencyRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import type { ProvisionedState } from './provisioned-service.ts'
import { putProvisionedRequest } from './requests.ts'
import { answer, maxItemsOf, type ApiAnswer, type ApiRequest, type Route } from './route.ts'

const path = '/2019-09-30/functions/:name/provisioned-concurrency'
const bodyMaxBytes = concurrencyRequestMaxBytes
const nameOf = (request: ApiRequest): string => request.path['name'] ?? ''

interface Context {
  readonly functions: Pick<FunctionService, 'provisioned'>
}

export function provisionedRoutes(context: Context): readonly Route[] {
  const { provisioned } = context.functions
  return [
    {
      operation: 'PutProvisionedConcurrencyConfig',
      method: 'put',
      path,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(putProvisionedRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const put = await provisioned.put(nameOf(request), request.query('Qualifier'), input)
        return answer(202, put, shapeOf)
      },
    },
    {
      // Both are told apart by the query alone.
      operation: 'GetProvisionedConcurrencyConfig',
      method: 'get',
      path,
      bodyMaxBytes,
      handle: (request) =>
        request.query('List') === 'ALL'
          ? list(request, context)
          : answer(200, provisioned.get(nameOf(request), request.query('Qualifier')), shapeOf),
    },
    {
      operation: 'DeleteProvisionedConcurrencyConfig',
      method: 'delete',
      path,
      bodyMaxBytes,
      handle: async (request) => {
        const deleted = await provisioned.delete(nameOf(request), request.query('Qualifier'))
        return answer(204, deleted, () => undefined)
      },
    },
  ]
}

function list(request: ApiRequest, { functions }: Context): Outcome<ApiAnswer> {
  const maxItems = maxItemsOf(request)
  if (maxItems instanceof LambdaApiError) return maxItems
  const marker = request.query('Marker')
  const page = functions.provisioned.list(nameOf(request), { marker, maxItems })
  return answer(200, page, ({ items, nextMarker }) => ({
    ProvisionedConcurrencyConfigs: items.map((state) => ({
      FunctionArn: state.arn,
      ...shapeOf(state),
    })),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
  }))
}

function shapeOf({ requested, ready, status, statusReason, lastModifiedMs }: ProvisionedState) {
  return {
    AllocatedProvisionedConcurrentExecutions: ready,
    AvailableProvisionedConcurrentExecutions: ready,
    LastModified: new Date(lastModifiedMs).toISOString().replace('Z', '+0000'),
    RequestedProvisionedConcurrentExecutions: requested,
    Status: status,
    ...(statusReason === undefined ? {} : { StatusReason: statusReason }),
  }
}
