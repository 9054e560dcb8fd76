// The Lambda API's routes for event source mappings.
import { mappingRequestMaxBytes } from '../../common/limits.ts'
import type { MappingRecord } from '../registry/registry.ts'
import { LambdaApiError, type Outcome } from './api-errors.ts'
import type { Account } from './function-name.ts'
import type { MappingService } from './mapping-service.ts'
import { lagMember } from './mapping-lag.ts'
import { changingState } from './mapping-state.ts'
import { readRequest } from '../../common/aws/members.ts'
import { createMappingRequest, updateMappingRequest } from './requests.ts'
import { answer, maxItemsOf, type ApiAnswer, type ApiRequest, type Route } from './route.ts'
import { mappingConfiguration, type Shape } from './shapes.ts'

const root = '/2015-03-31/event-source-mappings'

interface Context {
  readonly mappings: MappingService
  readonly account: Account
}

export function mappingRoutes(context: Context): readonly Route[] {
  const { mappings, account } = context
  const uuidOf = (request: ApiRequest): string => request.path['uuid'] ?? ''
  // A change is answered in the state it puts the mapping in, however fast the poller was.
  const changed = (record: MappingRecord): unknown =>
    mappingConfiguration(record, changingState(record), {
      account,
      status: mappings.status(record),
    })
  const bodyMaxBytes = mappingRequestMaxBytes
  return [
    {
      operation: 'CreateEventSourceMapping',
      method: 'post',
      path: root,
      bodyMaxBytes,
      handle: async ({ body }) => {
        const input = readRequest(createMappingRequest, body)
        if (input instanceof LambdaApiError) return input
        return answer(202, await mappings.create(input), changed)
      },
    },
    {
      operation: 'ListEventSourceMappings',
      method: 'get',
      path: root,
      bodyMaxBytes,
      handle: (request) => listMappings(request, context),
    },
    {
      operation: 'GetEventSourceMapping',
      method: 'get',
      path: `${root}/:uuid`,
      bodyMaxBytes,
      handle: (request) =>
        answer(200, mappings.get(uuidOf(request)), (record) => current(record, context)),
    },
    {
      operation: 'UpdateEventSourceMapping',
      method: 'put',
      path: `${root}/:uuid`,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(updateMappingRequest, request.body)
        if (input instanceof LambdaApiError) return input
        return answer(202, await mappings.update(uuidOf(request), input), changed)
      },
    },
    {
      operation: 'DeleteEventSourceMapping',
      method: 'delete',
      path: `${root}/:uuid`,
      bodyMaxBytes,
      handle: async (request) => answer(202, await mappings.delete(uuidOf(request)), changed),
    },
  ]
}

function listMappings(request: ApiRequest, context: Context): Outcome<ApiAnswer> {
  const maxItems = maxItemsOf(request)
  if (maxItems instanceof LambdaApiError) return maxItems
  const page = context.mappings.list({
    // An empty one asks for all.
    eventSourceArn: request.query('EventSourceArn') || undefined,
    functionName: request.query('FunctionName') || undefined,
    marker: request.query('Marker'),
    maxItems,
  })
  return answer(200, page, ({ items, nextMarker }) => ({
    EventSourceMappings: items.map((record) => listed(current(record, context), record)),
    ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
  }))
}

/** Lambda: lists do not show filter criteria that a key of the customer's encrypts. */
function listed(shape: Shape, { kmsKeyArn }: MappingRecord): Shape {
  if (kmsKeyArn === undefined) return shape
  const { FilterCriteria: _hidden, ...rest } = shape
  return rest
}

function current(record: MappingRecord, { mappings, account }: Context): Shape {
  const status = mappings.status(record)
  const configuration = mappingConfiguration(record, mappings.state(record), { account, status })
  return { ...configuration, ...lagMember(status) }
}
