// Tests Amazon MSK's answers about clusters, over the door that the Lambda API is on.
import { expect, test } from 'vitest'
import { KafkaClusters } from '../common/kafka-clusters.ts'
import { startControlForTest } from '../test/support/control-harness.ts'

const own =
  'arn:aws:kafka:us-east-1:000000000000:cluster/millrace/00000000-0000-0000-0000-000000000000-1'
const other =
  'arn:aws:kafka:us-east-1:000000000000:cluster/orders/6d9bce8e-836b-442c-8070-74e77903c815-2'

async function start() {
  const clusters = new KafkaClusters(
    {
      region: 'us-east-1',
      accountId: '000000000000',
      servers: { plaintext: ['127.0.0.1:9092'], tls: ['127.0.0.1:9094'] },
    },
    [{ arn: other, name: 'orders', isOwn: false, servers: { saslScram: ['a:9096', 'b:9096'] } }],
  )
  const { url } = await startControlForTest({ clusters })
  return async (path: string): Promise<{ status: number; code: string | null; body: unknown }> => {
    const response = await fetch(`${url}${path}`)
    const code = response.headers.get('x-amzn-errortype')
    return { status: response.status, code, body: await response.json() }
  }
}

const encoded = encodeURIComponent

test('both versions list the clusters, filter by name and type, and give pages', async () => {
  const get = await start()
  const names = async (path: string): Promise<unknown> => {
    const { body } = await get(path)
    return (body as { clusterInfoList: { clusterName: string }[] }).clusterInfoList.map(
      ({ clusterName }) => clusterName,
    )
  }
  for (const root of ['/v1/clusters', '/api/v2/clusters']) {
    expect(await names(root)).toEqual(['millrace', 'orders'])
    expect(await names(`${root}?clusterNameFilter=ord`)).toEqual(['orders'])
    const first = await get(`${root}?maxResults=1`)
    const { nextToken } = first.body as { nextToken: string }
    const second = await get(`${root}?maxResults=1&nextToken=${nextToken}`)
    expect(second.body).toMatchObject({ clusterInfoList: [{ clusterName: 'orders' }] })
    expect(second.body).not.toHaveProperty('nextToken')
  }
  expect(await names('/api/v2/clusters?clusterTypeFilter=PROVISIONED')).toHaveLength(2)
  expect(await names('/api/v2/clusters?clusterTypeFilter=SERVERLESS')).toEqual([])
})

test('a cluster is described by its ARN, as encoded by any client', async () => {
  const get = await start()
  for (const arn of [encoded(own), own.replaceAll('/', '%2F')]) {
    expect((await get(`/v1/clusters/${arn}`)).body).toEqual({
      clusterInfo: {
        clusterArn: own,
        clusterName: 'millrace',
        currentVersion: 'K1',
        state: 'ACTIVE',
        tags: {},
        brokerNodeGroupInfo: {
          brokerAZDistribution: 'DEFAULT',
          clientSubnets: [],
          instanceType: 'kafka.local',
        },
        clientAuthentication: {
          sasl: { iam: { enabled: false }, scram: { enabled: false } },
          tls: { certificateAuthorityArnList: [], enabled: true },
          unauthenticated: { enabled: true },
        },
        currentBrokerSoftwareInfo: { kafkaVersion: '4.4.0' },
        encryptionInfo: {
          encryptionInTransit: { clientBroker: 'TLS_PLAINTEXT', inCluster: false },
        },
        enhancedMonitoring: 'DEFAULT',
        numberOfBrokerNodes: 1,
        storageMode: 'LOCAL',
      },
    })
  }
  expect((await get(`/api/v2/clusters/${encoded(other)}`)).body).toMatchObject({
    clusterInfo: {
      clusterArn: other,
      clusterType: 'PROVISIONED',
      state: 'ACTIVE',
      provisioned: {
        clientAuthentication: { sasl: { scram: { enabled: true } } },
        currentBrokerSoftwareInfo: {},
        encryptionInfo: { encryptionInTransit: { clientBroker: 'TLS' } },
        numberOfBrokerNodes: 2,
      },
    },
  })
})

test('a client is told where it gets in, each way by its own member', async () => {
  const get = await start()
  expect((await get(`/v1/clusters/${encoded(own)}/bootstrap-brokers`)).body).toEqual({
    bootstrapBrokerString: '127.0.0.1:9092',
    bootstrapBrokerStringTls: '127.0.0.1:9094',
  })
  expect((await get(`/v1/clusters/${encoded(other)}/bootstrap-brokers`)).body).toEqual({
    bootstrapBrokerStringSaslScram: 'a:9096,b:9096',
  })
})

test.each([
  [`/v1/clusters/${encoded(`${other}0`)}`, 404, 'NotFoundException', 'clusterArn'],
  [`/api/v2/clusters/${encoded(`${other}0`)}`, 404, 'NotFoundException', 'clusterArn'],
  [
    `/v1/clusters/${encoded(`${other}0`)}/bootstrap-brokers`,
    404,
    'NotFoundException',
    'clusterArn',
  ],
  ['/v1/clusters/orders', 400, 'BadRequestException', 'clusterArn'],
  ['/v1/clusters?maxResults=0', 400, 'BadRequestException', 'maxResults'],
  ['/v1/clusters?maxResults=101', 400, 'BadRequestException', 'maxResults'],
  ['/api/v2/clusters?maxResults=x', 400, 'BadRequestException', 'maxResults'],
  ['/v1/clusters?nextToken=x', 400, 'BadRequestException', 'nextToken'],
])('%s is refused with %d %s', async (path, status, code, invalidParameter) => {
  const get = await start()
  const answer = await get(path)
  expect([answer.status, answer.code]).toEqual([status, code])
  expect(answer.body).toEqual({ invalidParameter, message: expect.any(String) })
})
