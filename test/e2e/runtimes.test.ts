// Feeds functions whose runtime is an executable of their own from a topic, through the whole platform.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  InvokeCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded } from '../support/lambda.ts'
import { nodeBootstrap, nodeHandler } from '../support/node-bootstrap.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let client: LambdaClient
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-runtimes-'))
  platform = await startPlatform()
  client = lambdaClient(platform)
})
afterAll(async () => {
  client.destroy()
  await rm(scratch, { recursive: true, force: true })
})

/** Notes each record; crashes without an answer on the first `poison` of its life as a function. */
const recorder = `async (event) => {
  const records = Object.values(event.records).flat()
  const values = records.map(({ value }) => Buffer.from(value, 'base64').toString())
  if (values.includes('poison') && !fs.existsSync(process.env.OUT + '.poisoned')) {
    fs.writeFileSync(process.env.OUT + '.poisoned', '')
    process.abort()
  }
  fs.appendFileSync(process.env.OUT, values.map((value) => JSON.stringify({ value }) + '\\n').join(''))
  fs.writeFileSync(process.env.OUT + '.pid', String(process.pid))
}`

test('what a runtime answers is the caller’s byte for byte, text or not', async () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  await createFunction(client, {
    name: 'bytes',
    runtime: 'provided.al2023',
    files: nodeBootstrap(`for (;;) {
      const { headers, body } = await call('GET', 'invocation/next')
      const path = 'invocation/' + headers['lambda-runtime-aws-request-id'] + '/response'
      await call('POST', path, Buffer.from(JSON.parse(body), 'hex'))
    }`),
  })
  const Payload = JSON.stringify(bytes.toString('hex'))
  const answer = await client.send(new InvokeCommand({ FunctionName: 'bytes', Payload }))
  expect(answer.FunctionError).toBeUndefined()
  expect(Buffer.from(answer.Payload ?? [])).toEqual(bytes)
})

test('a mapping feeds a runtime of one’s own, over a crash of it, and nothing is left when the platform stops', async () => {
  const out = join(scratch, 'out')
  await createFunction(client, {
    name: 'recorder',
    runtime: 'provided.al2023',
    files: nodeHandler(recorder),
    environment: { OUT: out },
  })
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'recorder',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
      Topics: ['numbers'],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 10,
    }),
  )
  const values = Array.from({ length: 200 }, (_, i) => (i === 100 ? 'poison' : String(i)))
  const kafka = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: true })
  await producer.connect()
  await producer.send({ topic: 'numbers', messages: values.map((value) => ({ value })) })
  await producer.disconnect()
  const handled = await eventually(
    async () => {
      const lines = await readRecorded(out)
      return lines.length >= values.length ? lines.map(({ value }) => value) : undefined
    },
    () => `all records to be handled\n${platform.log().slice(-3000)}`,
  )
  expect([...handled].sort()).toEqual([...values].sort())
  const { FunctionError, Payload, LogResult } = await client.send(
    new InvokeCommand({ FunctionName: 'recorder', Payload: '{"records":null}', LogType: 'Tail' }),
  )
  expect(FunctionError).toBe('Unhandled')
  expect(JSON.parse(Buffer.from(Payload ?? []).toString())).toMatchObject({
    errorType: 'TypeError',
  })
  expect(Buffer.from(LogResult ?? '', 'base64').toString()).toContain('\nREPORT RequestId: ')
  const pid = Number(readFileSync(`${out}.pid`, 'utf8'))
  expect(isAlive(pid)).toBe(true)
  expect(await platform.stop()).toBe(0)
  expect(isAlive(pid)).toBe(false)
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
