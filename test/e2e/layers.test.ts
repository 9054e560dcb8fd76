// Runs functions with layers as their users have them.
import { rm } from 'node:fs/promises'
import {
  CreateFunctionCommand,
  InvokeCommand,
  ListLayerVersionsCommand,
  PublishLayerVersionCommand,
  UpdateFunctionConfigurationCommand,
  type CreateFunctionCommandInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lambdaClient, zipOfTexts } from '../support/lambda.ts'
import { nodeHandler } from '../support/node-bootstrap.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let client: LambdaClient
beforeAll(async () => {
  platform = await startPlatform()
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  expect(await platform.stop()).toBe(0)
  await rm(platform.dataDir, { recursive: true, force: true })
})

/** Its ARN. */
async function publish(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const Content = { ZipFile: await zipOfTexts(files) }
  const published = await client.send(new PublishLayerVersionCommand({ LayerName: name, Content }))
  return published.LayerVersionArn ?? ''
}

async function create(
  FunctionName: string,
  files: Readonly<Record<string, string>>,
  more: Partial<CreateFunctionCommandInput>,
): Promise<void> {
  const Code = { ZipFile: await zipOfTexts(files) }
  await client.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      Timeout: 20,
      Code,
      ...more,
    }),
  )
}

async function invoke(FunctionName: string): Promise<unknown> {
  const { Payload } = await client.send(new InvokeCommand({ FunctionName }))
  return JSON.parse(Buffer.from(Payload ?? []).toString())
}

const packages = {
  'nodejs/node_modules/tool/index.js': "exports.name = 'tool of all'",
  'nodejs/node_modules/pure/package.json': '{"type":"module","exports":"./main.js"}',
  'nodejs/node_modules/pure/main.js': "export { name } from 'tool'; export const own = 'pure'",
  'nodejs/node24/node_modules/newer/index.js': "exports.name = 'newer'",
  'data/words.txt': 'words',
}

test('require finds packages of a layer, what is in the package itself first, and /opt is there for node:fs', async () => {
  const layer = await publish('packages', packages)
  await create(
    'cjs',
    {
      'index.js': `const fs = require('node:fs')
        exports.handler = async () => [
          require('tool').name, require('newer').name, require('mine').name,
          fs.readFileSync('/opt/data/words.txt', 'utf8'),
          fs.readFileSync(process.env.LAMBDA_OPT_ROOT + '/data/words.txt', 'utf8'),
          fs.existsSync(process.env.WORDS),
        ]`,
      'node_modules/mine/index.js': "exports.name = 'mine'",
      'node_modules/newer/index.js': "exports.name = 'newest'",
    },
    { Layers: [layer], Environment: { Variables: { WORDS: '/opt/data/words.txt' } } },
  )
  expect(await invoke('cjs')).toEqual(['tool of all', 'newest', 'mine', 'words', 'words', true])
})

test('import finds packages of a layer, and a change of layers takes effect', async () => {
  const layer = await publish('packages', packages)
  const other = await publish('others', {
    'nodejs/node_modules/pure/package.json': '{"type":"module","exports":"./main.js"}',
    'nodejs/node_modules/pure/main.js': "export const own = 'other', name = 'none'",
  })
  await create(
    'esm',
    {
      'index.mjs': `import { name, own } from 'pure'
        export const handler = async () => {
          const missing = await import('no-such-package').catch((error) => error.code)
          return [name, own, (await import('newer')).default.name, missing]
        }`,
    },
    { Layers: [layer] },
  )
  const found = ['tool of all', 'pure', 'newer', 'ERR_MODULE_NOT_FOUND']
  expect(await invoke('esm')).toEqual(found)
  const change = { FunctionName: 'esm', Layers: [layer, other] }
  await client.send(new UpdateFunctionConfigurationCommand(change))
  expect(await invoke('esm')).toEqual(['none', 'other', ...found.slice(2)])
})

test('a runtime of one’s own may lie in a layer, with its programs', async () => {
  const { bootstrap } = nodeHandler(`async () => ({
    tool: require('node:child_process').execFileSync('say').toString(),
    root: process.env.LAMBDA_OPT_ROOT === __dirname,
  })`)
  const layer = await publish('runtime', { bootstrap, 'bin/say': '#!/bin/sh\nprintf said\n' })
  await create('own', { 'app.txt': 'nothing' }, { Runtime: 'provided.al2023', Layers: [layer] })
  expect(await invoke('own')).toMatchObject({ tool: 'said' })
})

test('functions have their layers after a kill, and so do new ones', async () => {
  const { dataDir } = platform
  await platform.kill9()
  platform = await startPlatform({ dataDir })
  client.destroy()
  client = lambdaClient(platform)
  expect(await invoke('cjs')).toContain('words')
  expect(await invoke('esm')).toContain('other')
  const versions = new ListLayerVersionsCommand({ LayerName: 'runtime' })
  const layer = (await client.send(versions)).LayerVersions?.[0]?.LayerVersionArn ?? ''
  await create('late', { 'app.txt': 'nothing' }, { Runtime: 'provided.al2023', Layers: [layer] })
  expect(await invoke('late')).toMatchObject({ tool: 'said' })
})
