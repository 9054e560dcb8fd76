// Tests the platform's secured Kafka doors with kafkajs: TLS, and every way to log in.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  makeAuthority,
  makeCertificate,
  writeCertificate,
  type Certificate,
} from '../support/certificates.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let directory: string
let authority: Certificate
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-secure-'))
  authority = await makeAuthority()
  const paths = await writeCertificate(directory, await makeCertificate(authority, 'broker'))
  const users = join(directory, 'users')
  await writeFile(users, 'ann:a word\n', { mode: 0o600 })
  const doors = ['ssl', 'sasl_ssl', 'sasl_plaintext'].map(
    (protocol) => `${protocol.replace('_', '-')}+${protocol}://127.0.0.1:0`,
  )
  platform = await startPlatform({
    args: [
      '--kafka-listeners',
      doors.join(),
      '--kafka-tls-certificate',
      paths.kafkaTlsCertificate,
      '--kafka-tls-key',
      paths.kafkaTlsKey,
      '--kafka-users',
      users,
      '--kafka-login-lifetime',
      '1s',
    ],
  })
})
afterAll(async () => {
  await platform.stop()
  await rm(directory, { recursive: true, force: true })
})

function client(door: string, options: Partial<KafkaConfig>): Kafka {
  return new Kafka({
    brokers: [platform.doors[door] ?? ''],
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ...options,
  })
}

const ssl = () => ({ ca: [authority.cert] })
const sasl = (mechanism: string, password = 'a word'): SASLOptions =>
  ({ mechanism, username: 'ann', password }) as SASLOptions
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512']

/** Sends records and reads them back, for longer than a login holds. */
async function passesRecords(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer()
  const consumer = kafka.consumer({ groupId: `group-of-${topic}` })
  const seen: string[] = []
  try {
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    const both = new Promise<void>((resolve) => {
      const eachMessage = ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        seen.push(message.value?.toString() ?? '')
        if (seen.length === 2) resolve()
        return Promise.resolve()
      }
      void consumer.run({ eachMessage })
    })
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    await producer.send({ topic, messages: [{ value: 'second' }] })
    await both
  } finally {
    await Promise.all([producer.disconnect(), consumer.disconnect()])
  }
  expect(seen).toEqual(['first', 'second'])
}

test('over TLS records pass', () => passesRecords(client('kafka-ssl', { ssl: ssl() }), 'encrypted'))

test.each(mechanisms)('with a login by %s records pass, and it is renewed in time', (mechanism) =>
  passesRecords(client('kafka-sasl-plaintext', { sasl: sasl(mechanism) }), `by-${mechanism}`),
)

test.each(mechanisms)('with a login by %s over TLS records pass', (mechanism) =>
  passesRecords(
    client('kafka-sasl-ssl', { ssl: ssl(), sasl: sasl(mechanism) }),
    `over-tls-by-${mechanism}`,
  ),
)

test.each(mechanisms)(
  'the wrong password for %s is refused in Kafka’s words',
  async (mechanism) => {
    const admin = client('kafka-sasl-plaintext', { sasl: sasl(mechanism, 'a guess') }).admin()
    await expect(admin.connect()).rejects.toThrow(/authentication failed/i)
    await admin.disconnect()
  },
)

test('a certificate of another authority is refused by the client', async () => {
  const other = await makeAuthority('another')
  const admin = client('kafka-ssl', { ssl: { ca: [other.cert] } }).admin()
  await expect(admin.connect()).rejects.toThrow(/certificate/)
  await admin.disconnect()
})

test('the password stands nowhere in the log, nor in the data directory', async () => {
  expect(platform.log()).not.toContain('a word')
  expect(platform.log()).toContain('login failed')
})
