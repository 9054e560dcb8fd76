// A tour of the Lambda API's functions with the AWS SDK: every operation, every refusal's text.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  ListFunctionsCommand,
  paginateListFunctions,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { refusalOf, startControlForTest } from '../test/support/control-harness.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import {
  createTyres as create,
  tyres,
  tyresArn as arn,
  tyresZip as zip,
} from '../test/support/tyres.ts'
import { zipOf } from '../test/support/zip-file.ts'

const role = tyres.Role

test('a created function is answered with AWS defaults, and so is every later look at it', async () => {
  const harness = await startControlForTest()
  const created = await create(harness)
  const { $metadata, ...configuration } = created
  expect($metadata.httpStatusCode).toBe(201)
  expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/)
  expect(configuration).toEqual({
    Architectures: ['x86_64'],
    CodeSha256: createHash('sha256').update(zip).digest('base64'),
    CodeSize: zip.length,
    Description: '',
    EphemeralStorage: { Size: 512 },
    FunctionArn: arn,
    FunctionName: 'tyres',
    Handler: 'index.handler',
    LastModified: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/),
    LastUpdateStatus: 'Successful',
    LoggingConfig: { LogFormat: 'Text', LogGroup: '/aws/lambda/tyres' },
    MemorySize: 128,
    PackageType: 'Zip',
    RevisionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    Role: role,
    Runtime: 'nodejs24.x',
    RuntimeVersionConfig: {
      RuntimeVersionArn: expect.stringMatching(/^arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}$/),
    },
    SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
    State: 'Active',
    Timeout: 3,
    TracingConfig: { Mode: 'PassThrough' },
    Version: '$LATEST',
  })
  const { client } = harness
  for (const name of ['tyres', arn, '000000000000:function:tyres', `${arn}:$LATEST`]) {
    const got = await client.send(new GetFunctionCommand({ FunctionName: name }))
    const FunctionArn = name.endsWith('$LATEST') ? name : arn
    expect(got.Configuration, name).toEqual({ ...configuration, FunctionArn })
    expect(got.Code?.RepositoryType).toBe('S3')
    const download = await fetch(got.Code?.Location ?? '')
    expect(download.headers.get('content-type')).toBe('application/zip')
    expect(Buffer.from(await download.arrayBuffer())).toEqual(zip)
  }
  const { $metadata: _, ...config } = await client.send(
    new GetFunctionConfigurationCommand({ FunctionName: 'tyres', Qualifier: '$LATEST' }),
  )
  expect(config).toEqual({ ...configuration, FunctionArn: `${arn}:$LATEST` })
})

test('updates merge, move the revision and are answered whole', async () => {
  const harness = await startControlForTest()
  const { client } = harness
  const created = await create(harness, { Environment: { Variables: { STAGE: 'a', KEEP: 'b' } } })
  const updated = await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName: 'tyres',
      MemorySize: 512,
      Timeout: 900,
      Description: 'wheels',
      Environment: { Variables: { STAGE: 'z' } },
      EphemeralStorage: { Size: 10_240 },
      Runtime: 'nodejs22.x',
      RevisionId: created.RevisionId,
    }),
  )
  expect(updated).toMatchObject({
    MemorySize: 512,
    Timeout: 900,
    Description: 'wheels',
    Environment: { Variables: { STAGE: 'z' } },
    EphemeralStorage: { Size: 10_240 },
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    CodeSha256: created.CodeSha256,
  })
  expect(updated.RevisionId).not.toBe(created.RevisionId)
  const other = await zipOf({ name: 'index.mjs', content: 'export const handler = async () => 2' })
  const dry = await client.send(
    new UpdateFunctionCodeCommand({ FunctionName: 'tyres', ZipFile: other, DryRun: true }),
  )
  expect(dry.CodeSize).toBe(other.length)
  const before = await client.send(new GetFunctionCommand({ FunctionName: 'tyres' }))
  expect(before.Configuration?.CodeSha256).toBe(created.CodeSha256)
  const code = await client.send(
    new UpdateFunctionCodeCommand({ FunctionName: arn, ZipFile: other, Architectures: ['arm64'] }),
  )
  expect(code).toMatchObject({ CodeSize: other.length, Architectures: ['arm64'], MemorySize: 512 })
  expect(harness.registry.function('tyres')?.revision).toBeGreaterThan(0)
  const stale = client.send(
    new UpdateFunctionCodeCommand({
      FunctionName: 'tyres',
      ZipFile: zip,
      RevisionId: created.RevisionId,
    }),
  )
  expect(await refusalOf(stale)).toEqual({
    name: 'PreconditionFailedException',
    status: 412,
    message:
      'The Revision Id provided does not match the latest Revision Id. Call the ' +
      'GetFunction/GetAlias API to retrieve the latest Revision Id',
  })
})

test('hot-reload code is the directory itself', async () => {
  const harness = await startControlForTest()
  const { dataDir, registry } = harness
  const code = { S3Bucket: 'hot-reload', S3Key: dataDir }
  const created = await create(harness, { Code: code })
  expect([created.CodeSha256, created.CodeSize]).toEqual(['', 0])
  expect(registry.function('tyres')?.code).toEqual({ kind: 'hot-reload', directory: dataDir })
})

test('functions are listed fifty at a time, in the order of their names', async () => {
  const harness = await startControlForTest()
  const { client, control } = harness
  const names = Array.from({ length: 55 }, (_, i) => `f-${String(i).padStart(2, '0')}`)
  for (const FunctionName of names) {
    const created = await control.functions.create({
      FunctionName,
      Role: role,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: zip },
    })
    expect(created).toHaveProperty('name', FunctionName)
  }
  const sizes: number[] = []
  const listed: (string | undefined)[] = []
  for await (const page of paginateListFunctions({ client }, {})) {
    sizes.push(page.Functions?.length ?? 0)
    listed.push(...(page.Functions ?? []).map((f) => f.FunctionName))
  }
  expect(sizes).toEqual([50, 5])
  expect(listed).toEqual(names)
  const two = await client.send(new ListFunctionsCommand({ MaxItems: 2 }))
  expect(two.Functions).toHaveLength(2)
  expect(await refusalOf(client.send(new ListFunctionsCommand({ MaxItems: 0 })))).toMatchObject({
    name: 'ValidationException',
    message:
      "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: " +
      'Member must have value greater than or equal to 1',
  })
  expect(await refusalOf(client.send(new ListFunctionsCommand({ Marker: 'x' })))).toMatchObject({
    name: 'InvalidParameterValueException',
  })
})

test('a deleted function is gone; its code follows when nothing can be running it', async () => {
  const clock = new ManualClock()
  const harness = await startControlForTest({ clock })
  const { client, registry, dataDir } = harness
  await create(harness)
  const { directory } = registry.function('tyres')?.code ?? { directory: '' }
  const deleted = await client.send(new DeleteFunctionCommand({ FunctionName: 'tyres' }))
  expect(deleted.$metadata.httpStatusCode).toBe(204)
  for (const call of [
    () => client.send(new GetFunctionCommand({ FunctionName: 'tyres' })),
    () => client.send(new DeleteFunctionCommand({ FunctionName: 'tyres' })),
  ]) {
    expect(await refusalOf(call())).toEqual({
      name: 'ResourceNotFoundException',
      status: 404,
      message: `Function not found: ${arn}`,
    })
  }
  expect(existsSync(directory)).toBe(true)
  clock.advance(16 * 60_000)
  await expect.poll(() => readdir(join(dataDir, 'functions'))).toEqual(['package.json'])
  await create(harness)
  expect(existsSync(directory)).toBe(true)
})

test('functions follow their data directory when it was moved', async () => {
  const harness = await startControlForTest()
  const { control, registry } = harness
  await create(harness)
  const record = registry.function('tyres')
  if (record?.code.kind !== 'zip') throw new Error('not created from a zip')
  await registry.putFunction({ ...record, code: { ...record.code, directory: '/moved/away' } })
  await control.functions.start()
  // A revision of its own: copies that share a registry tell by it whose change is the newer.
  expect(registry.function('tyres')).toEqual({ ...record, revision: record.revision + 1 })
  expect(existsSync(record.code.directory)).toBe(true)
})
