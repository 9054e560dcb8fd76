// Tests how our own clients are told to get into a cluster, and that they do: kafkajs against the broker's doors.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAuthority, makeCertificate, writeCertificate } from '../test/support/certificates.ts'
import { TestBroker } from '../test/support/test-broker.ts'
import { loadBrokerAccess } from './broker-access.ts'
import { parseConfig } from './config.ts'
import { createKafka } from './kafka-client.ts'
import { silentLogger } from './logger.ts'

let directory: string
let broker: TestBroker
const at = (name: string): string => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-access-'))
  const authority = await makeAuthority()
  await writeFile(at('authority.pem'), authority.cert)
  await writeFile(at('user'), 'ann:a word\n', { mode: 0o600 })
  await writeFile(at('users'), 'ann:a word\nbob:b\n', { mode: 0o600 })
  await writeFile(at('guess'), 'ann:a guess\n', { mode: 0o600 })
  broker = await TestBroker.start({
    ...(await writeCertificate(directory, await makeCertificate(authority, 'broker'))),
    kafkaUsers: at('users'),
    listeners: ['sasl_ssl', 'ssl', 'sasl_plaintext'].map(
      (protocol) => `${protocol.replace('_', '-')}+${protocol}://127.0.0.1:0`,
    ),
  })
})
afterAll(async () => {
  await broker.remove()
  await rm(directory, { recursive: true, force: true })
})

const access = (...flags: string[]) => loadBrokerAccess(parseConfig('poller', flags, {}))

/** Rejects where the door does not open. */
async function topicsBehind(door: string, ...flags: string[]): Promise<readonly string[]> {
  const kafka = await createKafka({
    brokers: [broker.role.doors[door] ?? ''],
    access: await access(...flags),
    clientId: 'test',
    logger: silentLogger,
    retries: 0,
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

const own = '__consumer_offsets'
const user = (name = 'user'): string[] => ['--brokers-user', at(name)]
const authority = (): string[] => ['--brokers-tls-authority', at('authority.pem')]

test('without settings doors are taken to be plain', async () => {
  expect(await access()).toEqual({})
  expect(await topicsBehind('kafka')).toContain(own)
})

test.each(['plain', 'scram-sha-256', 'scram-sha-512'])('a login by %s opens', async (mechanism) => {
  const how = ['--brokers-sasl-mechanism', mechanism, ...user()]
  const plain = ['--brokers-security', 'sasl_plaintext', ...how]
  expect(await topicsBehind('kafka-sasl-plaintext', ...plain)).toContain(own)
  const encrypted = ['--brokers-security', 'sasl_ssl', ...how, ...authority()]
  expect(await topicsBehind('kafka-sasl-ssl', ...encrypted)).toContain(own)
})

test('an encrypted door opens to whoever knows its authority', async () => {
  const flags = ['--brokers-security', 'ssl']
  expect(await topicsBehind('kafka-ssl', ...flags, ...authority())).toContain(own)
  await expect(topicsBehind('kafka-ssl', ...flags)).rejects.toThrow(/certificate/)
})

test('a wrong password does not', async () => {
  const flags = ['--brokers-security', 'sasl_plaintext', ...user('guess')]
  await expect(topicsBehind('kafka-sasl-plaintext', ...flags)).rejects.toThrow(/authentication/i)
})

test('a file that is missing or has several users is refused', async () => {
  const login = ['--brokers-security', 'sasl_ssl']
  const refused = (flags: string[], message: string) =>
    expect(access(...login, ...flags)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    })
  await refused(user('users'), '--brokers-user: ')
  await refused(user('nowhere'), '--brokers-user: ENOENT')
  await refused([...user(), '--brokers-tls-authority', '/nowhere'], '--brokers-tls-authority: ENO')
})
