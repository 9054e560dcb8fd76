// Maps topics of clusters that want a login, encrypt, or ask for a certificate, and sees who is not let in.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type EventSourceMappingConfiguration,
  type LambdaClient,
  type SourceAccessConfiguration,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  makeAuthority,
  makeCertificate,
  writeCertificate,
  type Certificate,
} from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded, recordingHandler } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

const password = 'open-sesame-77'
const arn = (name: string) => `arn:aws:secretsmanager:us-east-1:000000000000:secret:${name}-a1B2c3`

let directory: string
let platform: Platform
/** Asks its clients for certificates. */
let strict: Platform
let client: LambdaClient
let authority: Certificate

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-access-'))
  await mkdir(join(directory, 'secrets/team'), { recursive: true })
  authority = await makeAuthority()
  const paths = await writeCertificate(directory, await makeCertificate(authority, 'broker'))
  const user = await makeCertificate(authority, 'mapping')
  const stranger = await makeCertificate(await makeAuthority('another'), 'stranger')
  const ca = join(directory, 'ca.pem')
  const users = join(directory, 'users')
  await writeFile(ca, authority.cert)
  await writeFile(users, `ann:${password}\n`, { mode: 0o600 })
  await secret('team/ann', { username: 'ann', password })
  await secret('ann-plain', { username: 'ann', password, tls: false })
  await secret('guess', { username: 'ann', password: 'a-guess' })
  await secret('ca', { certificate: authority.cert })
  await secret('other-ca', { certificate: (await makeAuthority('other')).cert })
  await secret('user', { certificate: user.cert, privateKey: user.key })
  await secret('stranger', { certificate: stranger.cert, privateKey: stranger.key })
  await secret('mixed', { certificate: user.cert, privateKey: stranger.key })
  const tls = [
    '--kafka-tls-certificate',
    paths.kafkaTlsCertificate,
    '--kafka-tls-key',
    paths.kafkaTlsKey,
  ]
  platform = await startPlatform({
    dataDir: join(directory, 'data'),
    args: [
      '--kafka-listeners',
      doors('ssl', 'sasl_ssl', 'sasl_plaintext'),
      '--kafka-users',
      users,
      '--secrets',
      join(directory, 'secrets'),
      ...tls,
    ],
    env: { KAFKA_LOGIN: JSON.stringify({ username: 'ann', password }) },
  })
  strict = await startPlatform({
    role: 'broker',
    args: ['--kafka-listeners', doors('ssl'), ...tls, '--kafka-tls-client-authority', ca],
  })
  client = lambdaClient(platform)
  await createFunction(client, {
    name: 'reader',
    files: { 'index.mjs': recordingHandler },
    environment: { OUT: join(directory, 'out') },
  })
  await createFunction(client, {
    name: 'failing',
    files: { 'index.mjs': 'export const handler = () => { throw new Error("no") }' },
  })
})
afterAll(async () => {
  client.destroy()
  await Promise.all([platform.stop(), strict.stop()])
  await rm(directory, { recursive: true, force: true })
})

const doors = (...protocols: string[]): string =>
  protocols.map((each) => `${each.replace('_', '-')}+${each}://127.0.0.1:0`).join()

async function secret(name: string, content: object): Promise<void> {
  await writeFile(join(directory, 'secrets', `${name}.json`), JSON.stringify(content))
}

async function send(topic: string, value: string, kafka = platform.kafka): Promise<void> {
  const producer = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value }] })
  await producer.disconnect()
}

async function map(
  topic: string,
  server: string | undefined,
  access: SourceAccessConfiguration[],
  change: Partial<CreateInput> = {},
): Promise<string> {
  const { UUID = '' } = await client.send(
    new CreateEventSourceMappingCommand({
      FunctionName: 'reader',
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [server ?? ''] } },
      SourceAccessConfigurations: access,
      Topics: [topic],
      ...change,
    }),
  )
  return UUID
}

async function sees(value: string): Promise<void> {
  await eventually(
    async () => {
      const lines = await readRecorded(join(directory, 'out'))
      return lines.some((line) => line.value === value) ? true : undefined
    },
    () => `"${value}" is handled\n${platform.log().slice(-3000)}`,
  )
}

async function result(UUID: string, wanted: string): Promise<EventSourceMappingConfiguration> {
  let last: EventSourceMappingConfiguration = {}
  return eventually(
    async () => {
      last = await client.send(new GetEventSourceMappingCommand({ UUID }))
      return last.LastProcessingResult?.startsWith(wanted) === true ? last : undefined
    },
    () => `LastProcessingResult "${wanted}"; it is ${JSON.stringify(last)}`,
  )
}

const ca: SourceAccessConfiguration = { Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: arn('ca') }

const ways: [string, string, () => SourceAccessConfiguration[]][] = [
  [
    'SCRAM-SHA-512, a secret in a folder by its ARN',
    'kafka-sasl-ssl',
    () => [{ Type: 'SASL_SCRAM_512_AUTH', URI: arn('team/ann') }, ca],
  ],
  [
    'SCRAM-SHA-256, a secret in a file',
    'kafka-sasl-ssl',
    () => [
      ca,
      { Type: 'SASL_SCRAM_256_AUTH', URI: `file:${join(directory, 'secrets/team/ann.json')}` },
    ],
  ],
  [
    'PLAIN, a secret in the environment',
    'kafka-sasl-ssl',
    () => [{ Type: 'BASIC_AUTH', URI: 'env:KAFKA_LOGIN' }, ca],
  ],
  [
    'a login without TLS, as its secret says',
    'kafka-sasl-plaintext',
    () => [{ Type: 'SASL_SCRAM_512_AUTH', URI: arn('ann-plain') }],
  ],
  ['TLS with an authority of its own', 'kafka-ssl', () => [ca]],
  [
    'the network of AWS, which means nothing here',
    'kafka',
    () => [
      { Type: 'VPC_SUBNET', URI: 'subnet:subnet-0123456789abcdef0' },
      { Type: 'VPC_SUBNET', URI: 'subnet:subnet-0123456789abcdef1' },
      { Type: 'VPC_SECURITY_GROUP', URI: 'security_group:sg-0123456789abcdef0' },
    ],
  ],
]

test.each(ways)('a mapping reads by %s', async (what, door, access) => {
  const topic = `topic-${ways.findIndex(([name]) => name === what)}`
  await send(topic, what)
  const uuid = await map(topic, platform.doors[door], access())
  await sees(what)
  expect(await result(uuid, 'OK')).toMatchObject({
    SourceAccessConfigurations: access(),
    StateTransitionReason: 'USER_INITIATED',
  })
})

test('a mapping shows its certificate to a cluster that asks for one', async () => {
  await send('shown', 'by certificate', strict.kafka)
  const certificate = { Type: 'CLIENT_CERTIFICATE_TLS_AUTH', URI: arn('user') } as const
  await map('shown', strict.doors['kafka-ssl'], [certificate, ca])
  await sees('by certificate')
})

const login = (name: string): SourceAccessConfiguration => ({
  Type: 'SASL_SCRAM_512_AUTH',
  URI: arn(name),
})
const certificate = (name: string): SourceAccessConfiguration => ({
  Type: 'CLIENT_CERTIFICATE_TLS_AUTH',
  URI: arn(name),
})

test.each<[string, () => string | undefined, SourceAccessConfiguration[], [string, string]]>([
  [
    'a wrong password',
    () => platform.doors['kafka-sasl-ssl'],
    [login('guess'), ca],
    ['PROBLEM: SASL authentication failed.', 'EVENT_SOURCE_AUTHN_ERROR'],
  ],
  [
    'the authority of another cluster',
    () => platform.doors['kafka-sasl-ssl'],
    [login('team/ann'), { ...ca, URI: arn('other-ca') }],
    ['PROBLEM: Lambda failed to authenticate server.', 'EVENT_SOURCE_AUTHN_ERROR'],
  ],
  [
    'no authority, where Node knows none that would do',
    () => platform.doors['kafka-sasl-ssl'],
    [login('team/ann')],
    ['PROBLEM: Lambda failed to authenticate server.', 'EVENT_SOURCE_AUTHN_ERROR'],
  ],
  [
    'no certificate for a cluster that asks for one',
    () => strict.doors['kafka-ssl'],
    [ca],
    ['PROBLEM: Server failed to authenticate Lambda.', 'EVENT_SOURCE_AUTHN_ERROR'],
  ],
  [
    'a certificate that the cluster does not trust',
    () => strict.doors['kafka-ssl'],
    [certificate('stranger'), ca],
    ['PROBLEM: Server failed to authenticate Lambda.', 'EVENT_SOURCE_AUTHN_ERROR'],
  ],
  [
    'a key that is not its certificate’s',
    () => strict.doors['kafka-ssl'],
    [certificate('mixed'), ca],
    ['PROBLEM: Provided certificate or private key is invalid.', 'ESM_CONFIG_NOT_VALID'],
  ],
  [
    'a secret that is not there',
    () => platform.doors['kafka-sasl-ssl'],
    [login('nobody'), ca],
    [`PROBLEM: secret ${arn('nobody')} cannot be used: there is no `, 'ESM_CONFIG_NOT_VALID'],
  ],
])('%s is told in the words of AWS', async (what, server, access, [text, reason]) => {
  const uuid = await map(`refused-${what.replaceAll(/\W/g, '-')}`, server(), access)
  expect(await result(uuid, text)).toMatchObject({
    State: 'Enabled',
    StateTransitionReason: reason,
  })
})

test('a secret that is mended is taken up, and the mapping goes on', async () => {
  await secret('late', { username: 'ann', password: 'old' })
  await send('late', 'after the change')
  const uuid = await map('late', platform.doors['kafka-sasl-ssl'], [login('late'), ca])
  await result(uuid, 'PROBLEM: SASL authentication failed.')
  await secret('late', { username: 'ann', password })
  await sees('after the change')
  expect((await result(uuid, 'OK')).StateTransitionReason).toBe('USER_INITIATED')
})

test('what is given up goes to a topic of the same cluster, by the same login', async () => {
  await send('poison', 'given up')
  await map('poison', platform.doors['kafka-sasl-ssl'], [login('team/ann'), ca], {
    FunctionName: 'failing',
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: 'kafka://dead' } },
  })
  await send('dead-reader-warm-up', 'x')
  const uuid = await map('dead', platform.doors['kafka-sasl-ssl'], [login('team/ann'), ca])
  await eventually(
    async () => {
      const lines = await readRecorded(join(directory, 'out'))
      return lines.some(({ topic, value }) => topic === 'dead' && value.includes('KafkaBatchInfo'))
        ? true
        : undefined
    },
    () => `the dead letter of ${uuid} is handled\n${platform.log().slice(-3000)}`,
  )
})

test('no secret stands in the log, in the registry or in any other file of the platform', async () => {
  const { cert, key } = { cert: '-----BEGIN CERTIFICATE', key: '-----BEGIN PRIVATE KEY' }
  const files = await readdir(join(directory, 'data/registry'), { recursive: true })
  expect(files.some((file) => file.endsWith('.json'))).toBe(true)
  const texts = [platform.log()]
  for (const file of files.filter((each) => each.endsWith('.json'))) {
    texts.push(await readFile(join(directory, 'data/registry', file), 'utf8'))
  }
  for (const text of texts) {
    for (const hidden of [password, 'a-guess', cert, key]) expect(text).not.toContain(hidden)
  }
})
