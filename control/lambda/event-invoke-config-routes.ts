// The Lambda API's routes for how asynchronous invocations of a function go.
import { eventInvokeConfigRequestMaxBytes } from '../../common/async-limits.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type {
  ConfigName,
  EventInvokeConfigService,
  QualifiedConfig,
} from './event-invoke-config-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import { eventInvokeConfigRequest } from './requests.ts'
import { answer, maxItemsOf, type ApiAnswer, type ApiRequest, type Route } from './route.ts'

const path = '/2019-09-25/functions/:name/event-invoke-config'
const bodyMaxBytes = eventInvokeConfigRequestMaxBytes

export function eventInvokeConfigRoutes(configs: EventInvokeConfigService): readonly Route[] {
  const write = async (request: ApiRequest, how: 'put' | 'update'): Promise<Outcome<ApiAnswer>> => {
    const input = readRequest(eventInvokeConfigRequest, request.body)
    if (input instanceof LambdaApiError) return input
    return answer(200, await configs[how](nameOf(request), input), shapeOf)
  }
  return [
    {
      operation: 'PutFunctionEventInvokeConfig',
      method: 'put',
      path,
      bodyMaxBytes,
      handle: (request) => write(request, 'put'),
    },
    {
      operation: 'UpdateFunctionEventInvokeConfig',
      method: 'post',
      path,
      bodyMaxBytes,
      handle: (request) => write(request, 'update'),
    },
    {
      operation: 'GetFunctionEventInvokeConfig',
      method: 'get',
      path,
      bodyMaxBytes,
      handle: (request) => answer(200, configs.get(nameOf(request)), shapeOf),
    },
    {
      operation: 'DeleteFunctionEventInvokeConfig',
      method: 'delete',
      path,
      bodyMaxBytes,
      handle: async (request) =>
        answer(204, await configs.delete(nameOf(request)), () => undefined),
    },
    {
      operation: 'ListFunctionEventInvokeConfigs',
      method: 'get',
      path: `${path}/list`,
      bodyMaxBytes,
      handle: (request) => list(request, configs),
    },
  ]
}

function list(request: ApiRequest, configs: EventInvokeConfigService): Outcome<ApiAnswer> {
  const maxItems = maxItemsOf(request)
  if (maxItems instanceof LambdaApiError) return maxItems
  const page = configs.list(nameOf(request).name, { marker: request.query('Marker'), maxItems })
  return answer(200, page, ({ items, nextMarker }) => ({
    FunctionEventInvokeConfigs: items.map(shapeOf),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
  }))
}

/** FunctionEventInvokeConfig; recorded: what was not asked for is absent, but for the destinations. */
function shapeOf({ functionArn, config }: QualifiedConfig): object {
  const { maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = config
  return {
    DestinationConfig: {
      OnFailure: onFailure === undefined ? {} : { Destination: onFailure },
      OnSuccess: onSuccess === undefined ? {} : { Destination: onSuccess },
    },
    FunctionArn: functionArn,
    LastModified: config.lastModifiedMs / 1000,
    ...(maximumEventAgeSeconds === undefined
      ? {}
      : { MaximumEventAgeInSeconds: maximumEventAgeSeconds }),
    ...(maximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts: maximumRetryAttempts }),
  }
}

function nameOf(request: ApiRequest): ConfigName {
  return { name: request.path['name'] ?? '', qualifier: request.query('Qualifier') }
}
