// A tour of versions with the AWS SDK: publishing, looking at, listing, invoking and deleting them.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  ListVersionsByFunctionCommand,
  paginateListVersionsByFunction,
  PublishVersionCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type CreateFunctionCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, onTestFinished, test } from 'vitest'
import {
  refusalOf,
  startControlForTest,
  type ControlHarness,
} from '../test/support/control-harness.ts'
import { functionRecord, versionRecord } from '../test/support/registry-contract.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { createTyres, tyresArn as arn, tyresZip as zip } from '../test/support/tyres.ts'
import { zipOf } from '../test/support/zip-file.ts'
import { FileRegistry } from './registry/file-registry.ts'
import { silentLogger } from '../common/logger.ts'
import { systemClock } from '../common/clock.ts'

const FunctionName = 'tyres'
const otherZip = await zipOf({ name: 'index.mjs', content: 'export const handler = async () => 2' })

async function startWithFunction(
  change: Partial<CreateFunctionCommandInput> = {},
  options: Parameters<typeof startControlForTest>[0] = {},
) {
  const harness = await startControlForTest(options)
  const created = await createTyres(harness, change)
  return { ...harness, created }
}

const publish = (
  { client }: Pick<ControlHarness, 'client'>,
  input: Partial<ConstructorParameters<typeof PublishVersionCommand>[0]> = {},
) => client.send(new PublishVersionCommand({ FunctionName, ...input }))

const configure = ({ client }: Pick<ControlHarness, 'client'>, stage: string) =>
  client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Environment: { Variables: { STAGE: stage } },
    }),
  )

test('a version is what $LATEST was when it was published, whatever becomes of $LATEST', async () => {
  const harness = await startWithFunction({ Environment: { Variables: { STAGE: 'one' } } })
  const { client, created } = harness
  const { $metadata, ...version } = await publish(harness, { Description: 'first' })
  expect($metadata.httpStatusCode).toBe(201)
  const { $metadata: _, ...configuration } = created
  expect(version).toEqual({
    ...configuration,
    Description: 'first',
    FunctionArn: `${arn}:1`,
    RevisionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    Version: '1',
  })
  expect(version.RevisionId).not.toBe(created.RevisionId)
  await configure(harness, 'two')
  await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: otherZip }))
  for (const [name, Qualifier] of [
    [FunctionName, '1'],
    [`${arn}:1`, undefined],
    ['tyres:1', '1'],
    ['000000000000:tyres:1', undefined],
  ] as const) {
    const input = { FunctionName: name, ...(Qualifier === undefined ? {} : { Qualifier }) }
    const got = await client.send(new GetFunctionCommand(input))
    expect(got.Configuration, name).toEqual(version)
    const { $metadata: _, ...config } = await client.send(
      new GetFunctionConfigurationCommand(input),
    )
    expect(config, name).toEqual(version)
  }
})

test('publishing without a change gives the last version again, and moves no number', async () => {
  const harness = await startWithFunction({ Publish: true })
  expect(harness.created).toMatchObject({ Version: '1', FunctionArn: arn })
  expect(await publish(harness, { Description: 'again' })).toMatchObject({
    Version: '1',
    Description: '',
  })
  await configure(harness, 'a')
  expect((await publish(harness)).Version).toBe('2')
  const same = new UpdateFunctionCodeCommand({ FunctionName, ZipFile: zip, Publish: true })
  expect((await harness.client.send(same)).Version).toBe('2')
  const other = new UpdateFunctionCodeCommand({ FunctionName, ZipFile: otherZip, Publish: true })
  expect(await harness.client.send(other)).toMatchObject({
    Version: '3',
    FunctionArn: `${arn}:3`,
  })
})

test('the number of a deleted version is not given again, and its code goes once nothing uses it', async () => {
  const clock = new ManualClock()
  const harness = await startWithFunction({ Publish: true }, { clock })
  const { client, registry } = harness
  const directory = registry.version(FunctionName, '1')?.code.directory ?? ''
  await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: otherZip }))
  clock.advance(16 * 60_000)
  await registry.putFunction(registry.function(FunctionName) ?? functionRecord())
  expect(existsSync(directory)).toBe(true)
  await client.send(new DeleteFunctionCommand({ FunctionName, Qualifier: '1' }))
  const gone = new GetFunctionCommand({ FunctionName: `${arn}:1` })
  expect(await refusalOf(client.send(gone))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: `Function not found: ${arn}:1`,
  })
  clock.advance(16 * 60_000)
  await expect.poll(() => existsSync(directory)).toBe(false)
  expect((await publish(harness)).Version).toBe('2')
  await client.send(new DeleteFunctionCommand({ FunctionName: 'tyres:2' }))
  expect((await publish(harness)).Version).toBe('3')
})

test('a deleted function takes its versions along; one of the same name begins anew', async () => {
  const harness = await startWithFunction({ Publish: true })
  const { client, registry } = harness
  await client.send(new DeleteFunctionCommand({ FunctionName }))
  expect(registry.versions()).toEqual([])
  await createTyres(harness)
  expect((await publish(harness)).Version).toBe('1')
})

test('versions that a crash left of a function are swept at the next start', async () => {
  const harness = await startControlForTest({
    prepare: async (dataDir) => {
      const registry = await FileRegistry.open({
        dir: `${dataDir}/registry`,
        writer: 'both',
        logger: silentLogger,
        clock: systemClock,
      })
      await registry.putVersion(versionRecord('1'))
      await registry.close()
    },
  })
  expect(harness.registry.versions()).toEqual([])
})

test('versions are listed after $LATEST in their order, page by page, as AWS lists them', async () => {
  const harness = await startWithFunction({ Publish: true })
  const { client } = harness
  for (let n = 2; n <= 11; n++) {
    await configure(harness, String(n))
    await publish(harness)
  }
  const pages = []
  const paginator = paginateListVersionsByFunction(
    { client, pageSize: 4 },
    { FunctionName: `${arn}:$LATEST` },
  )
  for await (const { Versions = [] } of paginator) pages.push(Versions)
  expect(pages.map((page) => page.map(({ Version }) => Version))).toEqual([
    ['$LATEST', '1', '2', '3'],
    ['4', '5', '6', '7'],
    ['8', '9', '10', '11'],
  ])
  const [latest] = pages[0] ?? []
  expect(latest?.FunctionArn).toBe(`${arn}:$LATEST`)
  for (const member of ['State', 'LastUpdateStatus', 'RuntimeVersionConfig']) {
    expect(latest).not.toHaveProperty(member)
  }
  const all = await client.send(new ListFunctionsCommand({ FunctionVersion: 'ALL' }))
  expect(all.Functions?.map((f) => f.FunctionArn?.slice(arn.length + 1))).toEqual([
    '$LATEST',
    ...Array.from({ length: 11 }, (_, i) => String(i + 1)),
  ])
  const one = await client.send(new ListFunctionsCommand({}))
  expect(one.Functions?.map((f) => f.FunctionArn)).toEqual([arn])
})

test('an invocation of a version is handed on with it', async () => {
  const harness = await startWithFunction({ Publish: true })
  const { client, invoker } = harness
  await client.send(new InvokeCommand({ FunctionName, Qualifier: '1' }))
  await client.send(new InvokeCommand({ FunctionName: `${arn}:1` }))
  await client.send(new InvokeCommand({ FunctionName }))
  expect(invoker.seen.map(({ functionName, qualifier }) => [functionName, qualifier])).toEqual([
    [FunctionName, '1'],
    [FunctionName, '1'],
    [FunctionName, undefined],
  ])
  const dry = { FunctionName, Qualifier: '1', InvocationType: 'DryRun' } as const
  expect(await client.send(new InvokeCommand(dry))).toMatchObject({
    StatusCode: 204,
    ExecutedVersion: '1',
  })
})

test('a mapping invokes the version that it names, beside one of the function itself', async () => {
  const harness = await startWithFunction({ Publish: true })
  const { client, registry, settle } = harness
  const source = {
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:9092'] } },
    Topics: ['telemetry'],
  }
  const versioned = await client.send(
    new CreateEventSourceMappingCommand({ FunctionName: `${arn}:1`, ...source }),
  )
  expect(versioned.FunctionArn).toBe(`${arn}:1`)
  expect(registry.mapping(versioned.UUID ?? '')).toMatchObject({
    functionName: FunctionName,
    qualifier: '1',
  })
  const plain = await client.send(new CreateEventSourceMappingCommand({ FunctionName, ...source }))
  const list = async (name: string) => {
    const page = await client.send(new ListEventSourceMappingsCommand({ FunctionName: name }))
    return new Set(page.EventSourceMappings?.map(({ UUID }) => UUID))
  }
  expect(await list('tyres:1')).toEqual(new Set([versioned.UUID]))
  expect(await list('tyres')).toEqual(new Set([versioned.UUID, plain.UUID]))
  const missing = new CreateEventSourceMappingCommand({ FunctionName: 'tyres:2', ...source })
  expect(await refusalOf(client.send(missing))).toMatchObject({
    message: 'Function does not exist',
  })
  await settle(versioned.UUID ?? '')
  await client.send(new DeleteFunctionCommand({ FunctionName: 'tyres:1' }))
  await settle(plain.UUID ?? '')
  const back = new UpdateEventSourceMappingCommand({
    UUID: versioned.UUID,
    FunctionName,
    BatchSize: 5,
  })
  expect(await refusalOf(client.send(back))).toMatchObject({ name: 'ResourceConflictException' })
  expect(registry.mapping(versioned.UUID ?? '')).toMatchObject({ qualifier: '1' })
})

test.each([
  [
    'another revision',
    { RevisionId: 'old' },
    ['PreconditionFailedException', 412],
    /^The Revision Id provided does not match the latest Revision Id. Call/,
  ],
  [
    'other code',
    { CodeSha256: 'somenonexistentsha256' },
    ['InvalidParameterValueException', 400],
    /^CodeSHA256 \(somenonexistentsha256\) is different from current CodeSHA256 in \$LATEST \(.*=\). Please try again with the CodeSHA256 in \$LATEST.$/,
  ],
  [
    'a version of a version',
    { FunctionName: 'tyres:1' },
    ['InvalidParameterValueException', 400],
    /^This operation is permitted on Lambda functions only/,
  ],
  [
    'a function that does not exist',
    { FunctionName: 'none' },
    ['ResourceNotFoundException', 404],
    /^Function not found: .*:none$/,
  ],
  [
    'a long description',
    { Description: 'x'.repeat(257) },
    ['ValidationException', 400],
    /at 'description' failed to satisfy constraint: Member must have length less than or equal to 256$/,
  ],
] as const)('publishing %s is refused', async (_what, input, [name, status], message) => {
  const harness = await startWithFunction({ Publish: true })
  const refusal = await refusalOf(publish(harness, input))
  expect(refusal).toEqual({ name, status, message: expect.stringMatching(message) as string })
  expect(harness.registry.versions().length).toBe(1)
})

test('what is true of $LATEST lets a version be published', async () => {
  const harness = await startWithFunction()
  const { RevisionId, CodeSha256 } = harness.created
  const published = await publish(harness, { RevisionId, CodeSha256 })
  expect(published.Version).toBe('1')
  // AWS: a publication is a new revision of $LATEST.
  await configure(harness, 'b')
  expect(await refusalOf(publish(harness, { RevisionId }))).toMatchObject({ status: 412 })
})

test.each([
  ['tyres', '$LATEST', '$LATEST version cannot be deleted without deleting the function.'],
  [
    'tyres:1',
    '2',
    'The derived qualifier from the function name does not match the specified qualifier.',
  ],
] as const)('%s with %s is not deleted', async (name, Qualifier, message) => {
  const { client, registry } = await startWithFunction({ Publish: true })
  const remove = client.send(new DeleteFunctionCommand({ FunctionName: name, Qualifier }))
  expect(await refusalOf(remove)).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message,
  })
  expect([registry.functions().length, registry.versions().length]).toEqual([1, 1])
})

test.each([
  ['a qualifier of another shape', 'a b', 'ValidationException', /at 'qualifier'/],
  ['a version that is not there', '9', 'ResourceNotFoundException', /^Function not found: .*:9$/],
] as const)('%s is refused', async (_what, Qualifier, name, message) => {
  const { client } = await startWithFunction()
  const get = client.send(new GetFunctionCommand({ FunctionName, Qualifier }))
  expect(await refusalOf(get)).toMatchObject({
    name,
    message: expect.stringMatching(message) as string,
  })
})

test('an update or a list of another kind of version is refused', async () => {
  const { client } = await startWithFunction({ Publish: true })
  const update = new UpdateFunctionConfigurationCommand({ FunctionName: 'tyres:1', Timeout: 5 })
  expect(await refusalOf(client.send(update))).toMatchObject({
    message: expect.stringMatching(
      /^This operation is permitted on Lambda functions only/,
    ) as string,
  })
  const list = new ListFunctionsCommand({ FunctionVersion: 'SOME' as 'ALL' })
  expect(await refusalOf(client.send(list))).toMatchObject({
    message:
      "1 validation error detected: Value 'SOME' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]",
  })
  const versions = new ListVersionsByFunctionCommand({ FunctionName, MaxItems: 0 })
  expect(await refusalOf(client.send(versions))).toMatchObject({ name: 'ValidationException' })
})

test('a version of code that runs from a directory is a copy of it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-published-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const file = join(directory, 'index.mjs')
  await writeFile(file, 'export const handler = async () => 1')
  const Code = { S3Bucket: 'hot-reload', S3Key: directory }
  const harness = await startWithFunction({ Code })
  const first = await publish(harness)
  expect(first.Version).toBe('1')
  expect((await publish(harness)).Version).toBe('1')
  await writeFile(file, 'export const handler = async () => 2')
  const second = await publish(harness)
  expect(second.Version).toBe('2')
  const { registry, client } = harness
  const contents = ['1', '2'].map((version) => {
    const kept = registry.version(FunctionName, version)?.code.directory ?? ''
    return readFileSync(join(kept, 'index.mjs'), 'utf8').at(-1)
  })
  expect(contents).toEqual(['1', '2'])
  expect(registry.function(FunctionName)?.code).toEqual({ kind: 'hot-reload', directory })
  const { Code: where } = await client.send(
    new GetFunctionCommand({ FunctionName, Qualifier: '1' }),
  )
  const answer = await fetch(where?.Location ?? '')
  expect(answer.headers.get('content-type')).toBe('application/zip')
  const digest = createHash('sha256').update(Buffer.from(await answer.arrayBuffer()))
  expect(digest.digest('base64')).toBe(first.CodeSha256)
})

test('a directory that cannot be read cannot be published, and says so', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-published-'))
  const Code = { S3Bucket: 'hot-reload', S3Key: directory }
  const harness = await startWithFunction({ Code })
  await rm(directory, { recursive: true })
  expect(await refusalOf(publish(harness))).toMatchObject({
    name: 'InvalidParameterValueException',
    message: expect.stringContaining(`${directory} cannot be published: ENOENT`) as string,
  })
})
