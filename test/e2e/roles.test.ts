// Runs every role in a process of its own over one data directory, as a rack would.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateEventSourceMappingCommand, InvokeCommand } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeAuthority, makeCertificate, writeCertificate } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded, recordingHandler } from '../support/lambda.ts'
import { run, startPlatform, type Platform, type PlatformOptions } from '../support/platform.ts'

let scratch: string
let roles: Platform[] = []
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
})
afterEach(async () => {
  for (const role of roles.toReversed()) await role.stop()
  roles = []
  await rm(scratch, { recursive: true, force: true })
})

async function start(
  role: NonNullable<PlatformOptions['role']>,
  env: Readonly<Record<string, string>> = {},
): Promise<Platform> {
  const started = await startPlatform({ role, env, dataDir: join(scratch, 'data') })
  roles.push(started)
  return started
}

test('broker, workers, control and poller apart do what they do together, and outlive one another', async () => {
  const broker = await start('broker')
  const workers = await start('workers')
  const env = { MILLRACE_BROKERS: broker.kafka, MILLRACE_WORKERS_URL: workers.workers }
  const control = await start('control', env)
  const poller = await start('poller', env)
  const client = lambdaClient(control)
  const out = join(scratch, 'out.ndjson')
  const files = { 'index.mjs': recordingHandler }
  await createFunction(client, { name: 'apart', files, environment: { OUT: out } })
  const invoked = await client.send(
    new InvokeCommand({ FunctionName: 'apart', Payload: '{"records":{}}' }),
  )
  expect(Buffer.from(invoked.Payload ?? []).toString()).toBe('{"handled":0}')
  await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'apart',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [broker.kafka] } },
      Topics: ['apart'],
    }),
  )
  client.destroy()
  await sends(broker, 'first')
  await handled(out, ['first'])

  // The mapping is the poller's own business: it goes on while control is away.
  expect(await control.stop()).toBe(0)
  await sends(broker, 'second')
  await handled(out, ['first', 'second'])

  // A poller that comes back finds mapping and offsets.
  await poller.kill9()
  await start('poller', env)
  await sends(broker, 'third')
  await handled(out, ['first', 'second', 'third'])
})

test('control, poller and producer reach a broker that is encrypted and wants a login', async () => {
  const authority = await makeAuthority()
  const paths = await writeCertificate(scratch, await makeCertificate(authority, 'broker'))
  const [user, pem] = ['user', 'authority.pem'].map((name) => join(scratch, name))
  await writeFile(user ?? '', 'platform:a word\n', { mode: 0o600 })
  await writeFile(pem ?? '', authority.cert)
  const broker = await start('broker', {
    MILLRACE_KAFKA_SECURITY: 'sasl_ssl',
    MILLRACE_KAFKA_TLS_CERTIFICATE: paths.kafkaTlsCertificate,
    MILLRACE_KAFKA_TLS_KEY: paths.kafkaTlsKey,
    MILLRACE_KAFKA_USERS: user ?? '',
  })
  const workers = await start('workers')
  const out = join(scratch, 'out.ndjson')
  const access = {
    MILLRACE_BROKERS: broker.kafka,
    MILLRACE_BROKERS_SECURITY: 'sasl_ssl',
    MILLRACE_BROKERS_USER: user ?? '',
    MILLRACE_BROKERS_TLS_AUTHORITY: pem ?? '',
  }
  // Its topic is made by control, and has more partitions than one that comes of itself.
  await writeFile(
    join(scratch, 'template.json'),
    JSON.stringify({
      Transform: 'AWS::Serverless-2016-10-31',
      Metadata: { Millrace: { Topics: { apart: { Partitions: 3 } } } },
      Resources: {
        Cluster: { Type: 'AWS::MSK::Cluster', Properties: {} },
        Handler: {
          Type: 'AWS::Serverless::Function',
          Properties: {
            Runtime: 'nodejs24.x',
            Handler: 'index.handler',
            CodeUri: 'code',
            Environment: { Variables: { OUT: out } },
            Events: {
              Records: {
                Type: 'MSK',
                Properties: {
                  Stream: { Ref: 'Cluster' },
                  Topics: ['apart'],
                  StartingPosition: 'TRIM_HORIZON',
                },
              },
            },
          },
        },
      },
    }),
  )
  await mkdir(join(scratch, 'code'))
  await writeFile(join(scratch, 'code', 'index.mjs'), recordingHandler)
  const env = { ...access, MILLRACE_WORKERS_URL: workers.workers }
  await start('control', { ...env, MILLRACE_TEMPLATE: join(scratch, 'template.json') })
  await start('poller', env)
  await sends(broker, 'in secret', access)
  await handled(out, ['in secret'])
  expect(roles.map((role) => role.log()).join('')).not.toContain('a word')
})

async function sends(
  broker: Platform,
  value: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const args = ['producer', '--brokers', broker.kafka, '--topic', 'apart', '--file', '-']
  const result = await run(args, { input: `${JSON.stringify(value)}\n`, env })
  expect(result, result.stderr).toMatchObject({ code: 0 })
}

async function handled(out: string, values: readonly string[]): Promise<void> {
  let seen: string[] = []
  await eventually(
    async () => {
      seen = (await readRecorded(out)).map((line) => JSON.parse(line.value) as string)
      return values.every((value) => seen.includes(value)) ? true : undefined
    },
    () => `${values.join()} handled; ${seen.join()} were\n${roles.map((r) => r.log()).join('')}`,
    30_000,
  )
}
