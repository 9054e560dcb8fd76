// The Lambda API's routes for layers.
import { readRequest } from '../../common/aws/members.ts'
import { functionRequestMaxBytes, versionRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import { packageUrl } from '../lambda/code-routes.ts'
import type { Account } from '../lambda/function-name.ts'
import type { PageRequest } from '../lambda/paging.ts'
import { publishLayerVersionRequest } from '../lambda/requests.ts'
import { answer, maxItemsOf, type ApiAnswer, type ApiRequest, type Route } from '../lambda/route.ts'
import type { FunctionCode } from '../registry/registry.ts'
import { layerArn } from './layer-record.ts'
import { checkVersionArn, parseLayerArn, versionNumber, type LayerFilter } from './layer-rules.ts'
import { arnOfVersion, type FoundLayerVersion, type LayerService } from './layer-service.ts'

const root = '/2018-10-31/layers'
const bodyMaxBytes = versionRequestMaxBytes

interface Context {
  readonly layers: LayerService
  readonly account: Account
  /** Removes a package later, unless something refers to it then. */
  readonly free: (code: FunctionCode) => void
}

type Shape = Readonly<Record<string, unknown>>

export function layerRoutes(context: Context): readonly Route[] {
  const { layers } = context
  const one = `${root}/:name/versions/:version`
  return [
    {
      operation: 'PublishLayerVersion',
      method: 'post',
      path: `${root}/:name/versions`,
      bodyMaxBytes: functionRequestMaxBytes,
      handle: async (request) => {
        const input = readRequest(publishLayerVersionRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const published = await layers.publish(nameOf(request), input)
        return answer(201, published, (found) => whole(found, request, context))
      },
    },
    ...listingRoutes(context),
    {
      operation: 'GetLayerVersion',
      method: 'get',
      path: one,
      bodyMaxBytes,
      handle: async (request) => {
        const number = versionNumber(request.path['version'] ?? '')
        if (number instanceof LambdaApiError) return number
        const found = await layers.find(nameOf(request), number)
        return answer(200, found, (each) => whole(each, request, context))
      },
    },
    {
      operation: 'DeleteLayerVersion',
      method: 'delete',
      path: one,
      bodyMaxBytes,
      handle: async (request) => {
        const number = versionNumber(request.path['version'] ?? '')
        if (number instanceof LambdaApiError) return number
        return answer(204, await layers.delete(nameOf(request), number), (code) => {
          if (code !== undefined) context.free(code)
        })
      },
    },
  ]
}

function listingRoutes(context: Context): readonly Route[] {
  const { layers, account } = context
  return [
    {
      operation: 'ListLayers',
      method: 'get',
      path: root,
      bodyMaxBytes,
      // Two operations of AWS have this path.
      handle: async (request) => {
        if (request.query('find') === 'LayerVersion') return getByArn(request, context)
        const page = pageRequestOf(request)
        if (page instanceof LambdaApiError) return page
        return answer(200, await layers.list(page), ({ items, nextMarker }) => ({
          ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
          Layers: items.map((found) => ({
            LayerName: found.layer.name,
            LayerArn: layerArn(account, found.layer.name),
            LatestMatchingVersion: listed(found, account),
          })),
        }))
      },
    },
    {
      operation: 'ListLayerVersions',
      method: 'get',
      path: `${root}/:name/versions`,
      bodyMaxBytes,
      handle: async (request) => {
        const page = pageRequestOf(request)
        if (page instanceof LambdaApiError) return page
        const versions = await layers.listVersions(nameOf(request), page)
        return answer(200, versions, ({ items, nextMarker }) => ({
          ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
          LayerVersions: items.map((found) => listed(found, account)),
        }))
      },
    },
  ]
}

async function getByArn(request: ApiRequest, context: Context): Promise<Outcome<ApiAnswer>> {
  const arn = request.query('Arn')
  const error = checkVersionArn(arn)
  if (error !== undefined) return error
  const reference = parseLayerArn(arn ?? '')
  const layer = (arn ?? '').replace(/:\d+$/, '')
  const found = await context.layers.find(layer, reference?.version ?? 0)
  const answered = answer(200, found, (each) => whole(each, request, context))
  return answered instanceof LambdaApiError
    ? answered
    : { ...answered, operation: 'GetLayerVersionByArn' }
}

function nameOf(request: ApiRequest): string {
  return request.path['name'] ?? ''
}

function pageRequestOf(request: ApiRequest): Outcome<PageRequest & LayerFilter> {
  const maxItems = maxItemsOf(request)
  if (maxItems instanceof LambdaApiError) return maxItems
  return {
    marker: request.query('Marker'),
    maxItems,
    runtime: request.query('CompatibleRuntime'),
    architecture: request.query('CompatibleArchitecture'),
  }
}

/** LayerVersionsListItem. */
function listed(found: FoundLayerVersion, account: Account): Shape {
  const { license, runtimes, architectures, ...version } = found.version
  return {
    LayerVersionArn: arnOfVersion(account, found),
    Version: version.number,
    Description: version.description,
    CreatedDate: new Date(version.createdMs).toISOString().replace('Z', '+0000'),
    ...(runtimes === undefined ? {} : { CompatibleRuntimes: runtimes }),
    ...(architectures === undefined ? {} : { CompatibleArchitectures: architectures }),
    ...(license === undefined ? {} : { LicenseInfo: license }),
  }
}

/** GetLayerVersionResponse. */
function whole(found: FoundLayerVersion, request: ApiRequest, { account }: Context): Shape {
  const { sha256, sizeBytes } = found.version
  return {
    Content: {
      Location: packageUrl(request.header('host'), sha256),
      CodeSha256: sha256,
      CodeSize: sizeBytes,
    },
    LayerArn: layerArn(account, found.layer.name),
    ...listed(found, account),
  }
}
