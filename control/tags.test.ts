// A tour of tags with the AWS SDK, on functions and event source mappings.
import {
  CreateEventSourceMappingCommand,
  GetFunctionCommand,
  ListTagsCommand,
  PublishVersionCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import { refusalOf, startControlForTest } from '../test/support/control-harness.ts'
import { createTyres, tyresArn as arn } from '../test/support/tyres.ts'

async function start(Tags?: Record<string, string>) {
  const harness = await startControlForTest()
  const { client } = harness
  const create = () => createTyres(harness, Tags === undefined ? {} : { Tags })
  const tag = (Resource: string, add: Record<string, string>) =>
    client.send(new TagResourceCommand({ Resource, Tags: add }))
  const untag = (Resource: string, TagKeys: string[]) =>
    client.send(new UntagResourceCommand({ Resource, TagKeys }))
  const list = async (Resource: string) =>
    (await client.send(new ListTagsCommand({ Resource }))).Tags
  return { ...harness, create, tag, untag, list }
}

test('tags come with a function, are added, replaced and taken away', async () => {
  const { create, tag, untag, list, client, registry } = await start({ team: 'pit' })
  await create()
  const revision = registry.function('tyres')?.revisionId
  expect(await list(arn)).toEqual({ team: 'pit' })
  expect((await tag(arn, { team: 'garage', stage: '' })).$metadata.httpStatusCode).toBe(204)
  const got = await client.send(new GetFunctionCommand({ FunctionName: 'tyres' }))
  expect(got.Tags).toEqual({ team: 'garage', stage: '' })
  expect((await untag(arn, ['team', 'none'])).$metadata.httpStatusCode).toBe(204)
  expect(await list(arn)).toEqual({ stage: '' })
  await untag(arn, ['stage'])
  expect(await list(arn)).toEqual({})
  const bare = await client.send(new GetFunctionCommand({ FunctionName: 'tyres' }))
  expect(bare).not.toHaveProperty('Tags')
  expect(registry.function('tyres')?.revisionId).toBe(revision)
})

test('a mapping has tags of its own', async () => {
  const { create, client, tag, untag, list, registry, settle } = await start()
  await create()
  const { UUID = '', EventSourceMappingArn = '' } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'tyres',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:9092'] } },
      Topics: ['telemetry'],
      Tags: { team: 'pit' },
    }),
  )
  await settle(UUID)
  await tag(EventSourceMappingArn, { stage: 'race' })
  await untag(EventSourceMappingArn, ['team'])
  expect(await list(EventSourceMappingArn)).toEqual({ stage: 'race' })
  expect(registry.mapping(UUID)?.tags).toEqual({ stage: 'race' })
  expect(await list(arn)).toEqual({})
})

test('fifty tags are the most, however they come', async () => {
  const { create, tag, list } = await start()
  await create()
  await tag(arn, Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${i}`, 'v'])))
  const refusal = await refusalOf(tag(arn, { one: 'more' }))
  expect(refusal).toEqual({
    name: 'InvalidParameterValueException',
    status: 400,
    message: 'Number of tags exceeds resource tag limit.',
  })
  await tag(arn, { k0: 'other' })
  expect(Object.keys((await list(arn)) ?? {}).length).toBe(50)
})

test.each<[string, string, Record<string, string>, string, RegExp]>([
  [
    'an unknown function',
    `${arn}s`,
    { a: 'b' },
    'ResourceNotFoundException',
    /^Function not found: .*:tyress$/,
  ],
  [
    'a version',
    `${arn}:1`,
    { a: 'b' },
    'InvalidParameterValueException',
    /^Tags on function aliases and versions are not supported. Please specify a function ARN.$/,
  ],
  [
    'a name',
    'tyres',
    { a: 'b' },
    'ValidationException',
    /^1 validation error detected: Value 'tyres' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:/,
  ],
  [
    'an unknown mapping',
    'arn:aws:lambda:us-east-1:000000000000:event-source-mapping:11111111-2222-4333-8444-555555555555',
    { a: 'b' },
    'ResourceNotFoundException',
    /^Event source mapping not found: arn:aws:lambda:us-east-1:000000000000:event-source-mapping:11111111-2222-4333-8444-555555555555$/,
  ],
  [
    'a long key',
    arn,
    { ['k'.repeat(129)]: '' },
    'ValidationException',
    /at 'tags' failed to satisfy constraint: Map keys must satisfy constraint/,
  ],
  [
    'a long value',
    arn,
    { k: 'v'.repeat(257) },
    'ValidationException',
    /at 'tags' failed to satisfy constraint: Map value must satisfy constraint/,
  ],
  [
    'a key of AWS',
    arn,
    { 'aws:mine': '' },
    'InvalidParameterValueException',
    /reserved for AWS: aws:mine$/,
  ],
])('a tag of %s is refused', async (...[, resource, tags, name, message]) => {
  const { create, tag, client, list } = await start()
  await create()
  await client.send(new PublishVersionCommand({ FunctionName: 'tyres' }))
  const refusal = await refusalOf(tag(resource, tags))
  expect(refusal).toMatchObject({ name, message: expect.stringMatching(message) as string })
  expect(await list(arn)).toEqual({})
})

test('a function with a tag that may not be is not made', async () => {
  const { create, registry, url } = await start({ 'aws:x': '' })
  expect(await refusalOf(create())).toMatchObject({ name: 'InvalidParameterValueException' })
  expect(registry.functions()).toEqual([])
  const untag = await fetch(`${url}/2017-03-31/tags/${encodeURIComponent(arn)}`, {
    method: 'DELETE',
  })
  expect(await untag.json()).toEqual({
    message:
      "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null",
  })
})
