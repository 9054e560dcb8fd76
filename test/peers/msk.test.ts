// Tests that boto3 and AWS's command line find the clusters, and that a mapping keeps every parameter.
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const aws = '.cache/peers/bin/aws-cli-2'
const python = '.cache/peers/bin/python'
const own =
  'arn:aws:kafka:us-east-1:000000000000:cluster/millrace/00000000-0000-0000-0000-000000000000-1'
const other =
  'arn:aws:kafka:us-east-1:000000000000:cluster/orders/6d9bce8e-836b-442c-8070-74e77903c815-2'

interface Tour {
  readonly clusters: Readonly<Record<string, unknown>>
  readonly mapping: Readonly<Record<string, unknown>>
}

let directory: string
let platform: Platform
let tour: Tour
beforeAll(async () => {
  if (!existsSync(python)) throw new Error('boto3 is missing: run "make test-peers"')
  directory = await mkdtemp(join(tmpdir(), 'millrace-msk-'))
  const file = join(directory, 'clusters.json')
  const brokers = { BootstrapBrokerStringSaslScram: 'a:9096,b:9096' }
  await writeFile(file, JSON.stringify({ [other]: brokers }))
  platform = await startPlatform({ args: ['--clusters', file] })
  const output = await succeed(python, ['test/peers/msk.py', platform.aws], { timeoutMs: 100_000 })
  tour = JSON.parse(output.toString()) as Tour
})
afterAll(async () => {
  await platform.stop()
  await rm(directory, { recursive: true, force: true })
})

async function cli(...args: readonly string[]): Promise<unknown> {
  const where = ['--endpoint-url', platform.aws, '--region', 'us-east-1', '--output', 'json']
  const env = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }
  return JSON.parse((await succeed(aws, [...args, ...where], { env })).toString())
}

test('boto3 lists, describes and finds the clusters, page by page', () => {
  expect(tour.clusters).toEqual({
    listed: [own, other],
    listedV2: [own, other],
    filtered: 1,
    described: ['millrace', 'ACTIVE', 1],
    describedV2: ['PROVISIONED', 1],
    brokers: platform.kafka,
    unknown: [
      ['NotFoundException', 404, 'clusterArn'],
      ['NotFoundException', 404, 'clusterArn'],
      ['NotFoundException', 404, 'clusterArn'],
      ['BadRequestException', 400, 'clusterArn'],
    ],
  })
})

test('a mapping of a cluster keeps every parameter that Kafka has', () => {
  const { asked, got, listedHidesFilters, tags } = tour.mapping
  expect(got).toEqual(asked)
  expect(listedHidesFilters).toBe(true)
  expect(tags).toEqual({ team: 'a' })
})

test('the command line finds a cluster, its state and its brokers', async () => {
  const list = await cli('kafka', 'list-clusters-v2', '--cluster-name-filter', 'orders')
  expect(list).toMatchObject({ ClusterInfoList: [{ ClusterArn: other, State: 'ACTIVE' }] })
  const cluster = await cli('kafka', 'describe-cluster', '--cluster-arn', own)
  expect(cluster).toMatchObject({ ClusterInfo: { ClusterName: 'millrace', State: 'ACTIVE' } })
  expect(await cli('kafka', 'get-bootstrap-brokers', '--cluster-arn', other)).toEqual({
    BootstrapBrokerStringSaslScram: 'a:9096,b:9096',
  })
})

test('the command line is told whose credentials it has', async () => {
  expect(await cli('sts', 'get-caller-identity')).toEqual({
    UserId: '000000000000',
    Account: '000000000000',
    Arn: 'arn:aws:iam::000000000000:root',
  })
})

test('the command line creates a mapping with a login, and updates it', async () => {
  const uri = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:ann-a1B2c3'
  const created = (await cli(
    'lambda',
    'create-event-source-mapping',
    '--function-name',
    'msk',
    '--topics',
    'by-cli',
    '--event-source-arn',
    other,
    '--no-enabled',
    '--source-access-configurations',
    `Type=SASL_SCRAM_512_AUTH,URI=${uri}`,
  )) as { UUID: string }
  expect(created).toMatchObject({
    SourceAccessConfigurations: [{ Type: 'SASL_SCRAM_512_AUTH', URI: uri }],
    State: 'Disabled',
  })
  const updated = await cli(
    'lambda',
    'update-event-source-mapping',
    '--uuid',
    created.UUID,
    '--source-access-configurations',
    '[]',
  )
  expect(updated).not.toHaveProperty('SourceAccessConfigurations')
})
