// A tour of the Lambda API's functions with the AWS SDK as a user would take it: versions to provisioned concurrency.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteAliasCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteProvisionedConcurrencyConfigCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  GetPolicyCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  ListAliasesCommand,
  ListFunctionEventInvokeConfigsCommand,
  ListProvisionedConcurrencyConfigsCommand,
  ListTagsCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  PutProvisionedConcurrencyConfigCommand,
  RemovePermissionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusalOf } from '../support/control-harness.ts'
import { lambdaClient, zipOfTexts } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const FunctionName = 'tour'
const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tour'
const handler = (word: string): string => `
import { appendFileSync } from 'node:fs'
let n = 0
export const handler = async (event, context) => {
  const said = {
    word: '${word}', n: ++n, stage: process.env.STAGE, version: context.functionVersion,
    arn: context.invokedFunctionArn, initialised: process.env.AWS_LAMBDA_INITIALIZATION_TYPE,
  }
  if (event.records) appendFileSync(process.env.OUT, JSON.stringify(said) + '\\n')
  if (event.die) process.exit(1)
  return said
}`

let platform: Platform
let client: LambdaClient
let scratch: string
let dataDir: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  dataDir = join(scratch, 'data')
  platform = await startPlatform({ dataDir })
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  expect(await platform.stop()).toBe(0)
  await rm(scratch, { recursive: true, force: true })
})

async function invoke(Qualifier?: string, event: unknown = {}) {
  const output = await client.send(
    new InvokeCommand({
      FunctionName,
      ...(Qualifier === undefined ? {} : { Qualifier }),
      Payload: Buffer.from(JSON.stringify(event)),
    }),
  )
  const payload: unknown = JSON.parse(Buffer.from(output.Payload ?? []).toString())
  return { version: output.ExecutedVersion, error: output.FunctionError, payload }
}

const waiting = () => ({ client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 })

async function provisionedStatus(Qualifier: string) {
  const get = new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier })
  const { Status, AvailableProvisionedConcurrentExecutions: available } = await client.send(get)
  return { Status, available }
}

test('a function is created, waited for, published and changed; each version stays what it was', async () => {
  const created = await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: 'arn:aws:iam::000000000000:role/any',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Timeout: 10,
      MemorySize: 256,
      Environment: { Variables: { STAGE: 'one', OUT: join(scratch, 'out') } },
      Tags: { team: 'pit' },
      Publish: true,
      Code: { ZipFile: await zipOfTexts({ 'index.mjs': handler('first') }) },
    }),
  )
  expect(created.Version).toBe('1')
  await waitUntilFunctionActiveV2(waiting(), { FunctionName })
  const code = await client.send(
    new UpdateFunctionCodeCommand({
      FunctionName,
      ZipFile: await zipOfTexts({ 'index.mjs': handler('second') }),
    }),
  )
  await waitUntilFunctionUpdatedV2(waiting(), { FunctionName })
  const configured = await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { STAGE: 'two', OUT: join(scratch, 'out') } },
      RevisionId: code.RevisionId,
    }),
  )
  await waitUntilFunctionUpdatedV2(waiting(), { FunctionName })
  const { RevisionId, CodeSha256 } = configured
  const published = await client.send(
    new PublishVersionCommand({ FunctionName, RevisionId, CodeSha256, Description: 'second' }),
  )
  expect(published).toMatchObject({ Version: '2', FunctionArn: `${arn}:2` })
  await waitUntilPublishedVersionActive(waiting(), { FunctionName, Qualifier: '2' })
  const listed = await client.send(new ListVersionsByFunctionCommand({ FunctionName }))
  expect(listed.Versions?.map(({ Version }) => Version)).toEqual(['$LATEST', '1', '2'])
  expect(await invoke('1')).toMatchObject({
    version: '1',
    payload: { word: 'first', stage: 'one', version: '1', arn: `${arn}:1` },
  })
  expect(await invoke('2')).toMatchObject({
    version: '2',
    payload: { word: 'second', stage: 'two' },
  })
  expect(await invoke()).toMatchObject({ version: '$LATEST', payload: { version: '$LATEST', arn } })
  const dryRun = new UpdateFunctionCodeCommand({
    FunctionName,
    ZipFile: await zipOfTexts({ 'index.mjs': handler('third') }),
    DryRun: true,
  })
  expect((await client.send(dryRun)).CodeSha256).not.toBe(CodeSha256)
  const now = await client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  expect(now.CodeSha256).toBe(CodeSha256)
  const old = await client.send(new GetFunctionCommand({ FunctionName, Qualifier: '1' }))
  const download = await fetch(old.Code?.Location ?? '')
  expect((await download.arrayBuffer()).byteLength).toBe(old.Configuration?.CodeSize)
})

test('an alias moves from one version to the next, by weight and then whole', async () => {
  const alias = { FunctionName, Name: 'live' }
  await client.send(
    new CreateAliasCommand({
      ...alias,
      FunctionVersion: '1',
      RoutingConfig: { AdditionalVersionWeights: { 2: 1 } },
    }),
  )
  expect(await invoke('live')).toMatchObject({ version: '2', payload: { arn: `${arn}:live` } })
  const weighted = await client.send(
    new UpdateAliasCommand({ ...alias, RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } } }),
  )
  const seen = new Set<string | undefined>()
  for (let i = 0; i < 200 && seen.size < 2; i++) seen.add((await invoke('live')).version)
  expect([...seen].toSorted((a = '', b = '') => (a < b ? -1 : 1))).toEqual(['1', '2'])
  await client.send(
    new UpdateAliasCommand({
      ...alias,
      FunctionVersion: '1',
      RoutingConfig: {},
      RevisionId: weighted.RevisionId,
    }),
  )
  expect(await invoke('live')).toMatchObject({ version: '1' })
  expect((await client.send(new GetAliasCommand(alias))).FunctionVersion).toBe('1')
  const listed = await client.send(new ListAliasesCommand({ FunctionName, FunctionVersion: '1' }))
  expect(listed.Aliases?.map(({ Name }) => Name)).toEqual(['live'])
})

test('a mapping of an alias gives its records to the version behind it', async () => {
  const mapping = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: `${FunctionName}:live`,
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: ['tour'],
      StartingPosition: 'TRIM_HORIZON',
      MaximumBatchingWindowInSeconds: 0,
    }),
  )
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'tour', messages: [{ value: '{}' }] })
  await producer.disconnect()
  const lines = async () => readFile(join(scratch, 'out'), 'utf8').catch(() => '')
  await expect.poll(lines, { timeout: 20_000 }).toMatch(/"version":"1".*:live/)
  await client.send(new DeleteEventSourceMappingCommand({ UUID: mapping.UUID }))
})

test('an event that nobody waits for runs behind the alias, by the configuration that it has', async () => {
  const config = { FunctionName, Qualifier: 'live' }
  const put = await client.send(
    new PutFunctionEventInvokeConfigCommand({ ...config, MaximumRetryAttempts: 0 }),
  )
  expect(put).toMatchObject({ FunctionArn: `${arn}:live`, MaximumRetryAttempts: 0 })
  const listed = await client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName }))
  expect(listed.FunctionEventInvokeConfigs?.length).toBe(1)
  const lines = async () =>
    (await readFile(join(scratch, 'out'), 'utf8').catch(() => '')).split('\n').length
  const before = await lines()
  const event = {
    ...config,
    InvocationType: 'Event',
    Payload: Buffer.from('{"records":{}}'),
  } as const
  expect((await client.send(new InvokeCommand(event))).StatusCode).toBe(202)
  await expect.poll(lines, { timeout: 20_000 }).toBe(before + 1)
  await client.send(new DeleteFunctionEventInvokeConfigCommand(config))
  const get = client.send(new GetFunctionEventInvokeConfigCommand(config))
  expect(await refusalOf(get)).toMatchObject({ name: 'ResourceNotFoundException' })
})

test('provisioned environments are ready before the first event, after a crash and after a kill -9', async () => {
  const config = { FunctionName, Qualifier: 'live' }
  const put = await client.send(
    new PutProvisionedConcurrencyConfigCommand({ ...config, ProvisionedConcurrentExecutions: 2 }),
  )
  expect(put.Status).toBe('IN_PROGRESS')
  const isReady = () =>
    expect
      .poll(() => provisionedStatus('live'), { timeout: 20_000 })
      .toEqual({ Status: 'READY', available: 2 })
  await isReady()
  const first = { n: 1, initialised: 'provisioned-concurrency', version: '1' }
  expect((await invoke('live')).payload).toMatchObject(first)
  expect((await invoke('live', { die: true })).error).toBe('Unhandled')
  await isReady()
  client.destroy()
  await platform.kill9()
  platform = await startPlatform({ dataDir })
  client = lambdaClient(platform)
  await isReady()
  expect((await invoke('live')).payload).toMatchObject(first)
  const listed = await client.send(new ListProvisionedConcurrencyConfigsCommand({ FunctionName }))
  expect(listed.ProvisionedConcurrencyConfigs?.map((each) => each.FunctionArn)).toEqual([
    `${arn}:live`,
  ])
  await client.send(new DeleteProvisionedConcurrencyConfigCommand(config))
  expect(await refusalOf(provisionedStatus('live'))).toMatchObject({
    name: 'ProvisionedConcurrencyConfigNotFoundException',
  })
})

test('concurrency, tags and permissions are set and read back', async () => {
  const reserved = { FunctionName, ReservedConcurrentExecutions: 7 }
  await client.send(new PutFunctionConcurrencyCommand(reserved))
  const concurrency = await client.send(new GetFunctionConcurrencyCommand({ FunctionName }))
  expect(concurrency.ReservedConcurrentExecutions).toBe(7)
  const account = await client.send(new GetAccountSettingsCommand({}))
  expect(account.AccountLimit?.UnreservedConcurrentExecutions).toBe(993)
  expect(account.AccountUsage?.FunctionCount).toBe(1)
  await client.send(new TagResourceCommand({ Resource: arn, Tags: { stage: 'race' } }))
  await client.send(new UntagResourceCommand({ Resource: arn, TagKeys: ['team'] }))
  const tags = await client.send(new ListTagsCommand({ Resource: arn }))
  expect(tags.Tags).toEqual({ stage: 'race' })
  const statement = { FunctionName, StatementId: 's3' }
  await client.send(
    new AddPermissionCommand({
      ...statement,
      Action: 'lambda:InvokeFunction',
      Principal: 's3.amazonaws.com',
    }),
  )
  const policy = await client.send(new GetPolicyCommand({ FunctionName }))
  expect(policy.Policy).toContain('"Sid":"s3"')
  await client.send(new RemovePermissionCommand(statement))
})

test('what is in use stays until it is not; then the function goes with all that was its own', async () => {
  const version = new DeleteFunctionCommand({ FunctionName, Qualifier: '1' })
  expect(await refusalOf(client.send(version))).toMatchObject({ name: 'ResourceConflictException' })
  await client.send(new DeleteAliasCommand({ FunctionName, Name: 'live' }))
  await client.send(version)
  expect(await refusalOf(invoke('1'))).toMatchObject({ name: 'ResourceNotFoundException' })
  expect((await invoke('2')).version).toBe('2')
  await client.send(new DeleteFunctionCommand({ FunctionName }))
  expect(await refusalOf(invoke('2'))).toMatchObject({ name: 'ResourceNotFoundException' })
})
