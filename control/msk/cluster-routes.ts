// Amazon MSK's routes that read: which clusters there are, and where a client gets into them.
import type { KafkaCluster, KafkaClusters } from '../../common/kafka-clusters.ts'
import type { ApiAnswer, ApiRequest, Route } from '../lambda/route.ts'
import { bootstrapBrokers, clusterInfo, clusterInfoV2 } from './cluster-shapes.ts'

/** Amazon MSK: maxResults, which is also what a page has at most. */
const pageMax = 100

const arnPattern = /^arn:aws[a-zA-Z-]*:kafka:[a-z0-9-]+:\d{12}:cluster\/[^/]+\/[^/]+$/

export function clusterRoutes(clusters: KafkaClusters): readonly Route[] {
  const one = (shape: (cluster: KafkaCluster) => unknown) => (request: ApiRequest) =>
    withCluster(clusters, request, (cluster) => ({ status: 200, body: shape(cluster) }))
  const get = (operation: string, path: string, handle: Route['handle']): Route => ({
    operation,
    method: 'get',
    path,
    bodyMaxBytes: 0,
    handle,
  })
  return [
    get('ListClusters', '/v1/clusters', (request) =>
      page(request, named(clusters.all, request), clusterInfo),
    ),
    get('ListClustersV2', '/api/v2/clusters', (request) =>
      page(request, ofType(named(clusters.all, request), request), clusterInfoV2),
    ),
    get(
      'DescribeCluster',
      '/v1/clusters/:clusterArn',
      one((cluster) => ({ clusterInfo: clusterInfo(cluster) })),
    ),
    get(
      'DescribeClusterV2',
      '/api/v2/clusters/:clusterArn',
      one((cluster) => ({ clusterInfo: clusterInfoV2(cluster) })),
    ),
    get('GetBootstrapBrokers', '/v1/clusters/:clusterArn/bootstrap-brokers', one(bootstrapBrokers)),
  ]
}

function withCluster(
  clusters: KafkaClusters,
  { path }: ApiRequest,
  answer: (cluster: KafkaCluster) => ApiAnswer,
): ApiAnswer {
  const arn = path['clusterArn'] ?? ''
  if (!arnPattern.test(arn)) return badRequest('clusterArn', `${arn} is not the ARN of a cluster.`)
  const cluster = clusters.find(arn)
  if (cluster !== undefined) return answer(cluster)
  return refusal(404, 'NotFoundException', {
    invalidParameter: 'clusterArn',
    message: `There is no cluster ${arn}.`,
  })
}

/** Amazon MSK: names that begin with it. */
function named(all: readonly KafkaCluster[], request: ApiRequest): readonly KafkaCluster[] {
  const prefix = request.query('clusterNameFilter') ?? ''
  return all.filter(({ name }) => name.startsWith(prefix))
}

/** None is serverless. */
function ofType(all: readonly KafkaCluster[], request: ApiRequest): readonly KafkaCluster[] {
  const type = request.query('clusterTypeFilter') ?? ''
  return type === '' || type === 'PROVISIONED' ? all : []
}

function page(
  request: ApiRequest,
  found: readonly KafkaCluster[],
  shape: (cluster: KafkaCluster) => unknown,
): ApiAnswer {
  const most = request.query('maxResults') ?? String(pageMax)
  if (!/^\d{1,3}$/.test(most) || Number(most) < 1 || Number(most) > pageMax) {
    return badRequest('maxResults', `maxResults must be from 1 to ${pageMax}.`)
  }
  const token = request.query('nextToken')
  const last = token === undefined ? undefined : Buffer.from(token, 'base64url').toString()
  const from = last === undefined ? 0 : found.findIndex(({ arn }) => arn === last) + 1
  if (last !== undefined && from === 0) {
    return badRequest('nextToken', 'nextToken is not of this list.')
  }
  const shown = found.slice(from, from + Number(most))
  const rest = from + shown.length < found.length
  const next = Buffer.from(shown.at(-1)?.arn ?? '').toString('base64url')
  const body = { clusterInfoList: shown.map(shape), ...(rest ? { nextToken: next } : {}) }
  return { status: 200, body }
}

function badRequest(invalidParameter: string, message: string): ApiAnswer {
  return refusal(400, 'BadRequestException', { invalidParameter, message })
}

/** As its error shapes have it, which are not Lambda's. */
function refusal(status: number, code: string, body: object): ApiAnswer {
  return { status, body, headers: { 'x-amzn-errortype': code } }
}
