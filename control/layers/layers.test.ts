// Publishes layers and gives them to functions with the AWS SDK, against a real control role.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateFunctionCommand,
  DeleteLayerVersionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  GetLayerVersionByArnCommand,
  GetLayerVersionCommand,
  ListLayersCommand,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  UpdateFunctionConfigurationCommand,
  type PublishLayerVersionCommandInput,
} from '@aws-sdk/client-lambda'
import { expect, onTestFinished, test } from 'vitest'
import { startControlForTest, type ControlHarness } from '../../test/support/control-harness.ts'
import { zipOfTexts } from '../../test/support/lambda.ts'

const arn = 'arn:aws:lambda:us-east-1:000000000000:layer:'

async function publish(
  { client }: ControlHarness,
  LayerName: string,
  files: Readonly<Record<string, string>>,
  more: Partial<PublishLayerVersionCommandInput> = {},
) {
  const Content = { ZipFile: await zipOfTexts(files) }
  return client.send(new PublishLayerVersionCommand({ LayerName, Content, ...more }))
}

async function create({ client }: ControlHarness, FunctionName: string, Layers: string[]) {
  return client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      Code: { ZipFile: await zipOfTexts({ 'index.mjs': 'export const handler = () => 1' }) },
      Layers,
    }),
  )
}

test('a published version is answered as AWS does, and found by name, by ARN and in lists', async () => {
  const harness = await startControlForTest()
  const { client } = harness
  const more = {
    Description: 'tools',
    LicenseInfo: 'MIT',
    CompatibleRuntimes: ['nodejs24.x' as const],
    CompatibleArchitectures: ['arm64' as const],
  }
  const files = { 'nodejs/node_modules/tool/index.js': 'exports.n = 1' }
  const { $metadata, ...first } = await publish(harness, 'tools', files, more)
  expect($metadata.httpStatusCode).toBe(201)
  expect(first).toEqual({
    Content: {
      Location: expect.stringMatching(/^http:.*\.zip$/) as string,
      CodeSha256: expect.any(String) as string,
      CodeSize: expect.any(Number) as number,
    },
    LayerArn: `${arn}tools`,
    LayerVersionArn: `${arn}tools:1`,
    CreatedDate: expect.stringMatching(/^\d{4}-.*\+0000$/) as string,
    Version: 1,
    ...more,
  })
  const zip = await fetch(first.Content?.Location ?? '')
  expect((await zip.arrayBuffer()).byteLength).toBe(first.Content?.CodeSize)
  await publish(harness, `${arn}tools`, { a: '2' })
  await publish(harness, 'Tools', { a: '3' })
  for (const found of [
    await client.send(new GetLayerVersionCommand({ LayerName: 'tools', VersionNumber: 1 })),
    await client.send(new GetLayerVersionCommand({ LayerName: `${arn}tools`, VersionNumber: 1 })),
    await client.send(new GetLayerVersionByArnCommand({ Arn: `${arn}tools:1` })),
  ]) {
    expect(found).toMatchObject(first)
  }
  const { Layers } = await client.send(new ListLayersCommand({}))
  expect(Layers?.map((each) => [each.LayerName, each.LatestMatchingVersion?.Version])).toEqual([
    ['Tools', 1],
    ['tools', 2],
  ])
  const ofNode = await client.send(new ListLayersCommand({ CompatibleRuntime: 'nodejs24.x' }))
  expect(ofNode.Layers?.map((each) => each.LatestMatchingVersion?.LayerVersionArn)).toEqual([
    `${arn}tools:1`,
  ])
  const page = new ListLayerVersionsCommand({ LayerName: 'tools', MaxItems: 1 })
  const { LayerVersions, NextMarker } = await client.send(page)
  expect(LayerVersions?.map(({ Version }) => Version)).toEqual([2])
  const rest = await client.send(
    new ListLayerVersionsCommand({ LayerName: 'tools', Marker: NextMarker }),
  )
  expect(rest.LayerVersions?.map(({ Version }) => Version)).toEqual([1])
  const unknown = await client.send(new ListLayerVersionsCommand({ LayerName: 'nobody' }))
  expect(unknown.LayerVersions).toEqual([])
})

test('a deleted version is unknown, its number is not given again, and functions keep it', async () => {
  const harness = await startControlForTest()
  const { client, registry } = harness
  await publish(harness, 'tools', { a: '1' })
  await create(harness, 'user', [`${arn}tools:1`])
  const deletion = new DeleteLayerVersionCommand({ LayerName: 'tools', VersionNumber: 1 })
  expect((await client.send(deletion)).$metadata.httpStatusCode).toBe(204)
  expect((await client.send(deletion)).$metadata.httpStatusCode).toBe(204)
  await expect(
    client.send(new GetLayerVersionCommand({ LayerName: 'tools', VersionNumber: 1 })),
  ).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The resource you requested does not exist.',
  })
  expect((await client.send(new ListLayersCommand({}))).Layers).toEqual([])
  await expect(create(harness, 'late', [`${arn}tools:1`])).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: `Layer version ${arn}tools:1 does not exist.`,
  })
  expect((await publish(harness, 'tools', { a: '2' })).Version).toBe(2)
  const opt = registry.function('user')?.layers?.directory ?? ''
  expect(await readFile(join(opt, 'a'), 'utf8')).toBe('1')
})

test('layers lie over each other in their order, in a version as in the function', async () => {
  const harness = await startControlForTest()
  const { client, registry } = harness
  const { Content } = await publish(harness, 'one', { 'etc/a': '1', 'etc/b': '1', folder: '1' })
  await publish(harness, 'two', { 'etc/b': '2', 'folder/c': '2', 'etc/d/e': '2' })
  await create(harness, 'user', [`${arn}one:1`, `${arn}two:1`])
  const found = await client.send(new GetFunctionCommand({ FunctionName: 'user' }))
  expect(found.Configuration?.Layers).toEqual([
    { Arn: `${arn}one:1`, CodeSize: Content?.CodeSize },
    { Arn: `${arn}two:1`, CodeSize: expect.any(Number) as number },
  ])
  const opt = registry.function('user')?.layers?.directory ?? ''
  const files = ['etc/a', 'etc/b', 'etc/d/e', 'folder/c']
  const texts = await Promise.all(files.map((file) => readFile(join(opt, file), 'utf8')))
  expect(texts).toEqual(['1', '2', '2', '2'])
  const publication = new PublishVersionCommand({ FunctionName: 'user' })
  expect((await client.send(publication)).Version).toBe('1')
  const update = { FunctionName: 'user', Layers: [`${arn}two:1`] }
  await client.send(new UpdateFunctionConfigurationCommand(update))
  expect((await client.send(publication)).Version).toBe('2')
  const other = new UpdateFunctionConfigurationCommand({ FunctionName: 'user', MemorySize: 256 })
  expect((await client.send(other)).Layers).toHaveLength(1)
  const none = new UpdateFunctionConfigurationCommand({ FunctionName: 'user', Layers: [] })
  expect((await client.send(none)).Layers).toBeUndefined()
  const version = { FunctionName: 'user', Qualifier: '1' }
  const { Layers } = await client.send(new GetFunctionConfigurationCommand(version))
  expect(Layers).toHaveLength(2)
  expect(existsSync(opt)).toBe(true)
})

test('a layer of a directory is a copy of it', async () => {
  const harness = await startControlForTest()
  const directory = await mkdtemp(join(tmpdir(), 'millrace-layer-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  await writeFile(join(directory, 'a'), 'then')
  const Content = { S3Bucket: 'hot-reload', S3Key: directory }
  await harness.client.send(new PublishLayerVersionCommand({ LayerName: 'tools', Content }))
  await create(harness, 'user', [`${arn}tools:1`])
  await writeFile(join(directory, 'a'), 'now')
  const opt = harness.registry.function('user')?.layers?.directory ?? ''
  expect(await readFile(join(opt, 'a'), 'utf8')).toBe('then')
})

test.each([
  [
    'more than five',
    Array.from({ length: 6 }, (_, i) => `${arn}tools:${i + 1}`),
    'Cannot reference more than 5 layers.',
  ],
  [
    'two versions of one layer',
    [`${arn}tools:1`, `${arn}tools:2`],
    'Two different versions of the same layer are not allowed to be referenced in the same function. ' +
      `${arn}tools:1 and ${arn}tools:2 are versions of the same layer.`,
  ],
  ['one that is not there', [`${arn}tools:9`], `Layer version ${arn}tools:9 does not exist.`],
  [
    'one of another region',
    [`${arn}tools:1`.replace('us-east-1', 'eu-west-1')],
    'Layers are not in the same region as the function. Layers are expected to be in region us-east-1.',
  ],
  [
    'one of another account',
    [`${arn}tools:1`.replace('000000000000', '017000801446')],
    /^Layer version arn:.* does not exist\. Layers of other accounts and AWS's own are not here: /,
  ],
])('%s is refused', async (_, layers, message) => {
  const harness = await startControlForTest()
  await publish(harness, 'tools', { a: '1' })
  await publish(harness, 'tools', { a: '2' })
  await expect(create(harness, 'user', layers)).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
  })
  expect(harness.registry.function('user')).toBeUndefined()
})

test('layers and code together are no larger than code may be', async () => {
  const harness = await startControlForTest()
  // Two of these fit, three do not; a run of one byte packs well.
  const large = 'x'.repeat(100_000_000)
  const names = ['one', 'two', 'three']
  for (const name of names) await publish(harness, name, { [name]: large })
  const arns = names.map((name) => `${arn}${name}:1`)
  await create(harness, 'user', arns.slice(0, 2))
  await expect(create(harness, 'other', arns)).rejects.toMatchObject({
    message: 'Layers consume more than the available size of 262144000 bytes',
  })
  const Layers = arns.slice(0, 2)
  const Code = { ZipFile: await zipOfTexts({ 'index.js': large }) }
  const input = { FunctionName: 'other', Runtime: 'nodejs24.x', Handler: 'index.handler' } as const
  const Role = 'arn:aws:iam::000000000000:role/any'
  await expect(
    harness.client.send(new CreateFunctionCommand({ ...input, Role, Code, Layers })),
  ).rejects.toMatchObject({
    message:
      'Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. ' +
      'The actual size is 300000000 bytes.',
  })
}, 60_000)

test.each([
  ['no content', { Content: undefined }, "Value null at 'content' failed"],
  ['an unknown runtime', { CompatibleRuntimes: ['cobol'] }, "'[cobol]' at 'compatibleRuntimes'"],
  ['an unknown machine', { CompatibleArchitectures: ['vax'] }, "at 'compatibleArchitectures'"],
  ['a long description', { Description: 'x'.repeat(257) }, "at 'description'"],
  ['a name that is none', { LayerName: 'a b' }, "'a b' at 'layerName'"],
])('a version with %s is a ValidationException that names it', async (_, wrong, text) => {
  const harness = await startControlForTest()
  const published = publish(harness, 'tools', { a: '1' }, wrong as object)
  await expect(published).rejects.toMatchObject({
    name: 'ValidationException',
    message: expect.stringContaining(text) as string,
  })
})
