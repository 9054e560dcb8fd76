// Tests functions' logs as lines of JSON on standard output, and at a Faro collector, on the real program.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { InvokeCommand } from '@aws-sdk/client-lambda'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform } from '../support/platform.ts'

const handler =
  "exports.handler = async () => { console.warn('careful'); throw new RangeError('far') }"

interface Body {
  readonly meta: { readonly app: { readonly name: string } }
  readonly exceptions?: readonly {
    readonly type: string
    readonly stacktrace: { frames: unknown[] }
  }[]
}

async function collector(): Promise<{ url: string; bodies: Body[] }> {
  const bodies: Body[] = []
  const server: Server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    request.on('end', () => {
      bodies.push(JSON.parse(text) as Body)
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/collect`, bodies }
}

test('what a handler says is a line of JSON on standard output, and at the Faro collector', async () => {
  const { url, bodies } = await collector()
  const platform = await startPlatform({
    env: { MILLRACE_FARO_URL: url, MILLRACE_FUNCTION_LOGS_STDOUT: 'true' },
  })
  const lambda = lambdaClient(platform)
  onTestFinished(() => lambda.destroy())
  await createFunction(lambda, { name: 'f', files: { 'index.js': handler } })
  await lambda.send(new InvokeCommand({ FunctionName: 'f' }))
  const lines = await eventually(
    () => (platform.stdout().includes('REPORT RequestId') ? platform.stdout() : undefined),
    () => 'the report on standard output',
  )
  const events = lines
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, string>)
  const careful = events.find(({ message }) => message?.endsWith('careful'))
  expect(careful).toMatchObject({
    function: 'f',
    version: '$LATEST',
    stream: expect.stringMatching(/\[\$LATEST\]/) as unknown,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    timestamp: expect.stringMatching(/Z$/) as unknown,
    level: 'WARN',
  })
  expect(events.at(-1)?.['message']).toMatch(/^REPORT/)
  // What the collector has not been sent yet goes out when the platform stops.
  expect(await platform.stop()).toBe(0)
  const exceptions = bodies.flatMap((body) => body.exceptions ?? [])
  expect(exceptions).toMatchObject([
    { type: 'RangeError', value: 'far', context: { outcome: 'failed' } },
  ])
  const [frame] = exceptions[0]?.stacktrace.frames ?? []
  expect(frame).toMatchObject({ filename: expect.stringMatching(/index\.js$/), lineno: 1 })
  expect(bodies.map(({ meta }) => meta.app.name)).toContain('f')
})
