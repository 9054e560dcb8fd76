// Tests that AWS's command line tails functions' logs, and that boto3 reads them.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const aws = '.cache/peers/bin/aws-cli-2'
const group = '/aws/lambda/teller'
const credentials = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' }

let platform: Platform
let lambda: LambdaClient
beforeAll(async () => {
  if (!existsSync(aws)) throw new Error('AWS\'s command line is missing: run "make test-peers"')
  platform = await startPlatform()
  lambda = lambdaClient(platform)
  const handler =
    'exports.handler = async ({ say }) => { console.log(say); console.error("oh", say) }'
  await createFunction(lambda, { name: 'teller', files: { 'index.js': handler } })
  await say('one')
  await say('two')
  await eventually(
    async () => ((await tail()).match(/REPORT/g)?.length === 2 ? true : undefined),
    () => 'two reports',
  )
})
afterAll(async () => {
  lambda.destroy()
  await platform.stop()
})

async function say(text: string): Promise<void> {
  const Payload = JSON.stringify({ say: text })
  await lambda.send(new InvokeCommand({ FunctionName: 'teller', Payload }))
}

function command(args: readonly string[]): string[] {
  return ['logs', ...args, '--endpoint-url', platform.aws, '--region', 'us-east-1']
}

async function run(...args: readonly string[]): Promise<string> {
  return (await succeed(aws, command(args), { env: credentials })).toString()
}

const tail = (...args: readonly string[]) => run('tail', group, ...args)

test('the group is listed', async () => {
  const { logGroups } = JSON.parse(await run('describe-log-groups')) as {
    logGroups: { logGroupName: string }[]
  }
  expect(logGroups.map(({ logGroupName }) => logGroupName)).toEqual([group])
})

test("tail prints each invocation's lines with time and stream", async () => {
  const lines = (await tail()).trim().split('\n')
  const words = lines.map(
    (line) => /(INIT_START|START|END|REPORT|INFO\t\w+|ERROR\toh \w+)/.exec(line)?.[0],
  )
  expect(words.filter((word) => word !== 'INIT_START')).toEqual([
    'START',
    'INFO\tone',
    'ERROR\toh one',
    'END',
    'REPORT',
    'START',
    'INFO\ttwo',
    'ERROR\toh two',
    'END',
    'REPORT',
  ])
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+ \d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32} /)
})

test('tail knows the short format, a time to begin at, and a pattern', async () => {
  expect((await tail('--format', 'short')).split('\n')[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8} \w+/)
  expect(await tail('--since', '1h', '--filter-pattern', '?one ?nothing')).toMatch(/INFO\tone/)
  const later = new Date(Date.now() + 60_000).toISOString().slice(0, 19)
  expect(await tail('--since', later)).toBe('')
  const errors = (await tail('--filter-pattern', 'ERROR -one')).trim().split('\n')
  expect(errors).toHaveLength(1)
})

test('tail --follow prints what is written while it looks, each event once', async () => {
  const child = spawn(aws, command(['tail', group, '--follow', '--since', '1h']), {
    env: { ...process.env, ...credentials },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const seen = (text: string) =>
      eventually(
        () => (output.includes(text) ? true : undefined),
        () => `${text} in ${output}`,
        40_000,
      )
    await seen('INFO\ttwo')
    await say('three')
    await seen('oh three')
    await say('four')
    await seen('oh four')
    for (const word of ['one', 'two', 'three', 'four']) {
      expect(output.split(`INFO\t${word}`)).toHaveLength(2)
    }
  } finally {
    child.kill('SIGKILL')
  }
})

test('boto3 lists, reads and pages, and raises AWS’s exceptions', async () => {
  const python = '.cache/peers/bin/python'
  const output = await succeed(python, ['test/peers/logs.py', platform.aws, group])
  const seen = JSON.parse(output.toString()) as Record<string, unknown>
  expect(seen).toMatchObject({
    groups: [group],
    filtered: expect.arrayContaining(['one', 'two']) as unknown,
    first: expect.stringMatching(/^(INIT_START|START RequestId)/) as unknown,
    missing: ['ResourceNotFoundException', 'The specified log group does not exist.'],
    badLimit: ['InvalidParameterException', expect.stringContaining('"open')],
  })
})
