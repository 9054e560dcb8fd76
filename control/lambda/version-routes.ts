// The Lambda API's routes for versions of functions.
import { versionRequestMaxBytes } from '../../common/limits.ts'
import { versionOf } from '../registry/function-version.ts'
import { LambdaApiError } from './api-errors.ts'
import type { Account } from './function-name.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import { publishVersionRequest } from './requests.ts'
import { answer, maxItemsOf, type ApiRequest, type Route } from './route.ts'
import { functionConfiguration, listedConfiguration } from './shapes.ts'

const path = '/2015-03-31/functions/:name/versions'
const bodyMaxBytes = versionRequestMaxBytes
const nameOf = (request: ApiRequest): string => request.path['name'] ?? ''

export function versionRoutes({
  functions: { versions },
  account,
}: {
  readonly functions: Pick<FunctionService, 'versions'>
  readonly account: Account
}): readonly Route[] {
  return [
    {
      operation: 'PublishVersion',
      method: 'post',
      path,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(publishVersionRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const published = await versions.publish(nameOf(request), input)
        return answer(201, published, (record) =>
          functionConfiguration(record, account, record.version),
        )
      },
    },
    {
      operation: 'ListVersionsByFunction',
      method: 'get',
      path,
      bodyMaxBytes,
      handle: (request) => {
        const maxItems = maxItemsOf(request)
        if (maxItems instanceof LambdaApiError) return maxItems
        const page = versions.list(nameOf(request), { marker: request.query('Marker'), maxItems })
        return answer(200, page, ({ items, nextMarker }) => ({
          Versions: items.map((record) => listedConfiguration(record, account, versionOf(record))),
          ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
        }))
      },
    },
  ]
}
