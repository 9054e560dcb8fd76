// Edits a template and its code under a running platform, and watches what that changes.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  InvokeCommand,
  ListEventSourceMappingsCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

/** Twice what is promised, as two cores may be shared with much else. */
const withinMs = 2_000

let platform: Platform
let client: LambdaClient
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
  await writeFile(join(dir, 'package.json'), '{}')
  await mkdir(join(dir, 'edited'))
  await writeFile(join(dir, 'edited', 'app.js'), handler('one'))
  await writeFile(join(dir, 'kept.js'), handler('kept'))
  await writeTemplate({})
  platform = await startPlatform({ args: ['--template', dir] })
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  expect(await platform.stop()).toBe(0)
  await rm(dir, { recursive: true, force: true })
})

/** Counts its invocations in the module: the count goes on for as long as the environment lives. */
function handler(word: string): string {
  return `let count = 0
    exports.handler = async () => ({ word: '${word}', level: process.env.LEVEL, count: ++count })`
}

async function writeTemplate({ level = 'low', batchSize = '10', more = '' }): Promise<void> {
  await writeFile(
    join(dir, 'template.yaml'),
    `Conditions:
  Never: !Equals [a, b]
Resources:
  Edited:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: edited
      Environment: { Variables: { LEVEL: ${level} } }
  Kept:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs24.x
      Handler: kept.handler
      Code: .
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !GetAtt Kept.Arn
      EventSourceArn: arn:aws:kafka:us-east-1:000000000000:cluster/any/0-1
      Topics: [readings]
      StartingPosition: TRIM_HORIZON
      BatchSize: ${batchSize}
  Stream:
    Type: AWS::Kinesis::Stream
    Condition: Never
${more}`,
  )
}

async function invoke(name: string): Promise<{ word: string; level?: string; count: number }> {
  const { Payload } = await client.send(new InvokeCommand({ FunctionName: name }))
  return JSON.parse(Buffer.from(Payload ?? []).toString()) as Awaited<ReturnType<typeof invoke>>
}

async function batchSize(): Promise<number | undefined> {
  const list = await client.send(new ListEventSourceMappingsCommand({ FunctionName: 'Kept' }))
  return list.EventSourceMappings?.[0]?.BatchSize
}

/** Also that the mapping is there for good, as only then it can be changed at once. */
async function mappingIsEnabled(): Promise<void> {
  await eventually(
    async () => {
      const list = await client.send(new ListEventSourceMappingsCommand({ FunctionName: 'Kept' }))
      return list.EventSourceMappings?.[0]?.State === 'Enabled' || undefined
    },
    () => 'the mapping was not enabled',
  )
}

test('an edit of a handler counts at the next invocation', async () => {
  expect(await invoke('Edited')).toMatchObject({ word: 'one', level: 'low', count: 1 })
  await writeFile(join(dir, 'edited', 'app.js'), handler('two'))
  const { word, count } = await eventually(
    async () => {
      const answer = await invoke('Edited')
      return answer.word === 'two' ? answer : undefined
    },
    () => 'the handler was not loaded again',
    withinMs,
  )
  expect({ word, count }).toEqual({ word: 'two', count: 1 })
})

test('an edit of the template changes what it says, and nothing else', async () => {
  await mappingIsEnabled()
  const before = (await invoke('Kept')).count
  await writeTemplate({ level: 'high', batchSize: '25' })
  await eventually(
    async () =>
      ((await invoke('Edited')).level === 'high' && (await batchSize()) === 25) || undefined,
    () => `the template was not deployed again: ${platform.log()}`,
    withinMs,
  )
  expect((await invoke('Kept')).count).toBe(before + 1)
})

test('a broken template is reported with its line while the last one goes on', async () => {
  const before = (await invoke('Kept')).count
  await writeTemplate({ level: 'higher', batchSize: '99999' })
  const complaint =
    `template.yaml:24: AWS::Lambda::EventSourceMapping Mapping: BatchSize: "99999" is not a ` +
    'whole number from 1 to 10000'
  await eventually(
    () => platform.log().includes(complaint) || undefined,
    () => `nothing was reported: ${platform.log()}`,
    withinMs,
  )
  expect((await invoke('Edited')).level).toBe('high')
  expect((await invoke('Kept')).count).toBe(before + 1)
  await writeTemplate({ level: 'higher', batchSize: '30' })
  await eventually(
    async () =>
      ((await invoke('Edited')).level === 'higher' && (await batchSize()) === 30) || undefined,
    () => `the mended template was not deployed: ${platform.log()}`,
    withinMs,
  )
  expect((await invoke('Kept')).count).toBe(before + 2)
})

test('a function that is added is there, and one that is taken out is left and named', async () => {
  await writeTemplate({
    more: `  Added:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs24.x
      Handler: index.handler
      Code: { ZipFile: "exports.handler = async () => ({ word: 'inline', count: 1 })" }
`,
  })
  await eventually(
    async () => (await invoke('Added').catch(() => undefined))?.word === 'inline' || undefined,
    () => `the function was not added: ${platform.log()}`,
    withinMs,
  )
  await writeTemplate({})
  await eventually(
    () =>
      /not in the template any more, and left kind=function name=Added/.test(platform.log()) ||
      undefined,
    () => `nothing was said of the function: ${platform.log()}`,
    withinMs,
  )
  expect((await invoke('Added')).word).toBe('inline')
})
