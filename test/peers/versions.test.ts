// Tests versions and aliases with boto3, and with AWS's command line as deployment scripts use it.
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { zipOfTexts } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'
const aws = '.cache/peers/bin/aws-cli-2'
const env = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }

let platform: Platform
let scratch: string
beforeAll(async () => {
  for (const tool of [python, aws]) {
    if (!existsSync(tool)) throw new Error(`${tool} is missing: run "make test-peers"`)
  }
  scratch = await mkdtemp(join(tmpdir(), 'millrace-peers-'))
  platform = await startPlatform()
})
afterAll(async () => {
  await platform.stop()
  await rm(scratch, { recursive: true, force: true })
})

test('boto3 publishes, routes, provisions and takes away', async () => {
  const script = ['test/peers/versions.py', platform.aws]
  const tour: unknown = JSON.parse((await succeed(python, script)).toString())
  expect(tour).toEqual({
    created: '1',
    updated: ['2', 'arn:aws:lambda:us-east-1:000000000000:function:versioned:2'],
    versions: ['$LATEST', '1', '2'],
    invoked: [
      ['1', 'one'],
      ['2', 'two'],
      ['$LATEST', 'two'],
    ],
    alias: ['1', false, ['1', 'one']],
    provisioned: [202, 'IN_PROGRESS'],
    ready: ['READY', 1],
    tags: { team: 'pit' },
    inUse: 'ResourceConflictException',
    latest: 'InvalidParameterValueException',
    gone: 'ResourceNotFoundException',
  })
})

test("AWS's command line creates, publishes, names and invokes", async () => {
  const name = ['--function-name', 'cli']
  const run = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const where = ['--endpoint-url', platform.aws, '--region', 'us-east-1', '--output', 'json']
    const output = (await succeed(aws, ['lambda', ...args, ...where], { env })).toString()
    return output === '' ? {} : (JSON.parse(output) as Record<string, unknown>)
  }
  const zip = join(scratch, 'code.zip')
  await writeFile(zip, await zipOfTexts({ 'index.mjs': 'export const handler = async (e) => e' }))
  const runtime = ['--runtime', 'nodejs24.x', '--handler', 'index.handler']
  const role = ['--role', 'arn:aws:iam::000000000000:role/any']
  const code = ['--zip-file', `fileb://${zip}`]
  const created = await run('create-function', ...name, ...runtime, ...role, ...code)
  expect(created).toMatchObject({ State: 'Active', Version: '$LATEST' })
  await run('wait', 'function-active-v2', ...name)
  expect(await run('publish-version', ...name, '--description', 'first')).toMatchObject({
    Version: '1',
    Description: 'first',
  })
  const alias = ['--name', 'live', '--function-version', '1']
  expect(await run('create-alias', ...name, ...alias)).toMatchObject({
    AliasArn: 'arn:aws:lambda:us-east-1:000000000000:function:cli:live',
  })
  const out = join(scratch, 'out.json')
  const payload = ['--cli-binary-format', 'raw-in-base64-out', '--payload', '{"lap":7}']
  const invoked = await run('invoke', ...name, '--qualifier', 'live', ...payload, out)
  expect(invoked).toMatchObject({ StatusCode: 200, ExecutedVersion: '1' })
  expect(JSON.parse(await readFile(out, 'utf8'))).toEqual({ lap: 7 })
})
