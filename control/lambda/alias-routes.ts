// The Lambda API's routes for aliases of functions.
import { versionRequestMaxBytes } from '../../common/limits.ts'
import type { NamedAlias } from './alias-service.ts'
import { LambdaApiError } from './api-errors.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import { createAliasRequest, updateAliasRequest } from './requests.ts'
import { answer, maxItemsOf, type ApiRequest, type Route } from './route.ts'

const root = '/2015-03-31/functions/:name/aliases'
const bodyMaxBytes = versionRequestMaxBytes
const nameOf = (request: ApiRequest): string => request.path['name'] ?? ''
const aliasOf = (request: ApiRequest): string => request.path['alias'] ?? ''

export function aliasRoutes({
  functions: { aliases },
}: {
  readonly functions: Pick<FunctionService, 'aliases'>
}): readonly Route[] {
  return [
    {
      operation: 'CreateAlias',
      method: 'post',
      path: root,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(createAliasRequest, request.body)
        if (input instanceof LambdaApiError) return input
        return answer(201, await aliases.create(nameOf(request), input), aliasConfiguration)
      },
    },
    {
      operation: 'ListAliases',
      method: 'get',
      path: root,
      bodyMaxBytes,
      handle: (request) => {
        const maxItems = maxItemsOf(request)
        if (maxItems instanceof LambdaApiError) return maxItems
        const marker = request.query('Marker')
        const functionVersion = request.query('FunctionVersion')
        const page = aliases.list(nameOf(request), { marker, maxItems, functionVersion })
        return answer(200, page, ({ items, nextMarker }) => ({
          Aliases: items.map(aliasConfiguration),
          ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
        }))
      },
    },
    {
      operation: 'GetAlias',
      method: 'get',
      path: `${root}/:alias`,
      bodyMaxBytes,
      handle: (request) =>
        answer(200, aliases.get(nameOf(request), aliasOf(request)), aliasConfiguration),
    },
    {
      operation: 'UpdateAlias',
      method: 'put',
      path: `${root}/:alias`,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(updateAliasRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const updated = await aliases.update(nameOf(request), aliasOf(request), input)
        return answer(200, updated, aliasConfiguration)
      },
    },
    {
      operation: 'DeleteAlias',
      method: 'delete',
      path: `${root}/:alias`,
      bodyMaxBytes,
      handle: async (request) =>
        answer(204, await aliases.delete(nameOf(request), aliasOf(request)), () => undefined),
    },
  ]
}

/** AliasConfiguration. */
function aliasConfiguration({ arn, alias }: NamedAlias): object {
  const { additional } = alias
  return {
    AliasArn: arn,
    Description: alias.description,
    FunctionVersion: alias.functionVersion,
    Name: alias.name,
    RevisionId: alias.revisionId,
    ...(additional === undefined
      ? {}
      : {
          RoutingConfig: { AdditionalVersionWeights: { [additional.version]: additional.weight } },
        }),
  }
}
