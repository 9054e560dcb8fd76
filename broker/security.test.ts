// Tests that certificates and users are read at start, refused with a reason, and read again when they change.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { securityFilesCheckMs } from '../common/door-limits.ts'
import { createLogger } from '../common/logger.ts'
import { makeAuthority, makeCertificate, writeCertificate } from '../test/support/certificates.ts'
import { eventually } from '../test/support/eventually.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { listenersOf } from './listeners.ts'
import { Security, type SecuritySettings } from './security.ts'

let directory: string
let log: string[]
let clock: ManualClock
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-security-'))
  log = []
  clock = new ManualClock()
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function open(settings: SecuritySettings, protocol: 'plaintext' | 'ssl' = 'ssl') {
  const listeners = listenersOf({ host: '127.0.0.1', port: 0, advertised: '', protocol })
  const write = (line: string): unknown => log.push(line)
  const logger = createLogger('broker', { level: 'debug', format: 'json', write })
  return Security.open(settings, { listeners, directory, clock, logger })
}

async function certificate(): Promise<{ kafkaTlsCertificate: string; kafkaTlsKey: string }> {
  return writeCertificate(directory, await makeCertificate(await makeAuthority(), 'broker'))
}

test('without an encrypted door no certificate is asked for, and nothing is watched', async () => {
  const security = await open({ kafkaTlsCertificate: '/nowhere' }, 'plaintext')
  expect(security.tls).toBe(undefined)
  security.watch(() => {})
  expect(clock.timers).toBe(0)
})

test('a file that is missing or no certificate is named with its setting', async () => {
  const paths = await certificate()
  const refused = (settings: SecuritySettings, message: string) =>
    expect(open(settings)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(message) as string,
    })
  const nonsense = join(directory, 'nonsense.pem')
  await writeFile(nonsense, 'nonsense')
  await refused({}, '--kafka-tls-certificate: a door with TLS needs it')
  await refused({ ...paths, kafkaTlsCertificate: '/nowhere' }, '--kafka-tls-certificate: ENOENT')
  await refused({ ...paths, kafkaTlsCertificate: nonsense }, '--kafka-tls-certificate: its file')
  await refused({ ...paths, kafkaTlsKey: nonsense }, '--kafka-tls-key: its file')
  const other = await makeCertificate(await makeAuthority(), 'other')
  await writeFile(paths.kafkaTlsKey, other.key)
  await refused(paths, '--kafka-tls-key: its file')
  await writeCertificate(directory, other)
  const mutual = { ...paths, kafkaTlsClientAuthority: nonsense }
  await refused(mutual, '--kafka-tls-client-authority: its file')
})

test('a new certificate is used; a bad one is logged and the old one stays', async () => {
  const paths = await certificate()
  const security = await open(paths)
  const used: unknown[] = []
  const watch = security.watch((tls) => used.push(tls.cert?.toString()))
  const logged = (text: string) =>
    eventually(
      () => (log.join('').includes(text) && clock.timers === 1 ? true : undefined),
      () => `"${text}" in ${log.join('')}`,
    )
  const next = await makeCertificate(await makeAuthority(), 'next')
  await writeCertificate(directory, next)
  clock.advance(securityFilesCheckMs)
  await logged('certificate read again')
  expect(used).toEqual([next.cert])
  await writeFile(paths.kafkaTlsCertificate, 'nonsense')
  clock.advance(securityFilesCheckMs)
  await logged('certificate not read again')
  await writeCertificate(directory, next)
  watch.cancel()
  expect(clock.timers).toBe(0)
  expect(used.length).toBe(1)
})

test('a new file of users is used', async () => {
  const kafkaUsers = join(directory, 'users')
  await writeFile(kafkaUsers, 'ann:a\n')
  const security = await open({ kafkaUsers }, 'plaintext')
  const watch = security.watch(() => {})
  await writeFile(kafkaUsers, 'ann:a\nbob:b\n')
  clock.advance(securityFilesCheckMs)
  await eventually(
    () => (security.users.isOfFile('bob') ? true : undefined),
    () => log.join(''),
  )
  watch.cancel()
})
