// Drives the secured doors with kcat (librdkafka) and certificates of openssl: TLS both ways, and logins.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { runTool, succeed, type ToolResult } from './tool.ts'

let directory: string
let platform: Platform
const at = (name: string): string => join(directory, name)
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  await openssl(
    `req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 1 -keyout ${at('ca.key')} -out ${at('ca.pem')}`,
  )
  for (const name of ['broker', 'client']) await certificate(name)
  await writeFile(at('users'), 'ann:a word\n', { mode: 0o600 })
  platform = await start()
})
afterAll(async () => {
  await platform.stop()
  await rm(directory, { recursive: true, force: true })
})

/** Arguments with a space between them. */
function openssl(args: string): Promise<Buffer> {
  return succeed('openssl', args.split(' '))
}

/** Signed by the authority, for localhost and 127.0.0.1. */
async function certificate(name: string): Promise<void> {
  const [key, request, signed] = ['key', 'csr', 'pem'].map((suffix) => at(`${name}.${suffix}`))
  await openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${key} -out ${request}`)
  await writeFile(at('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  const authority = `-CA ${at('ca.pem')} -CAkey ${at('ca.key')} -CAcreateserial`
  await openssl(
    `x509 -req -in ${request} ${authority} -out ${signed} -days 1 -extfile ${at('extensions')}`,
  )
}

function start(...args: string[]): Promise<Platform> {
  return startPlatform({
    role: 'broker',
    args: [
      '--kafka-listeners',
      'tls+ssl://127.0.0.1:0,safe+sasl_ssl://127.0.0.1:0',
      '--kafka-tls-certificate',
      at('broker.pem'),
      '--kafka-tls-key',
      at('broker.key'),
      '--kafka-users',
      at('users'),
      ...args,
    ],
  })
}

const settings = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['-X', `${name}=${value}`])
const tls = (): string[] =>
  settings({ 'security.protocol': 'ssl', 'ssl.ca.location': at('ca.pem') })
const login = (mechanism: string, password = 'a word'): string[] =>
  settings({
    'security.protocol': 'sasl_ssl',
    'ssl.ca.location': at('ca.pem'),
    'sasl.mechanisms': mechanism,
    'sasl.username': 'ann',
    'sasl.password': password,
  })

function kcat(door: string, args: readonly string[], input = ''): Promise<ToolResult> {
  return runTool('kcat', ['-b', platform.doors[door] ?? '', ...args], { input })
}

async function passesRecords(door: string, topic: string, how: readonly string[]): Promise<void> {
  const sent = await kcat(door, ['-P', '-t', topic, ...how], 'one\ntwo\n')
  expect(sent).toMatchObject({ code: 0, stderr: '' })
  const read = await kcat(door, ['-C', '-t', topic, '-e', '-q', ...how])
  expect(read.stdout.toString()).toBe('one\ntwo\n')
}

test('over TLS records pass', () => passesRecords('kafka-tls', 'encrypted', tls()))

test.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])(
  'with a login by %s over TLS records pass',
  (mechanism) => passesRecords('kafka-safe', `by-${mechanism}`, login(mechanism)),
)

test.each(['PLAIN', 'SCRAM-SHA-512'])('the wrong password for %s is refused', async (mechanism) => {
  const { code, stderr } = await kcat('kafka-safe', ['-L', ...login(mechanism, 'a guess')])
  expect(code).not.toBe(0)
  expect(stderr).toMatch(/authentication failed/i)
})

test('with an authority of clients only those that it signed come in', async () => {
  await platform.stop()
  platform = await start('--kafka-tls-client-authority', at('ca.pem'))
  const shown = settings({
    'ssl.certificate.location': at('client.pem'),
    'ssl.key.location': at('client.key'),
  })
  await passesRecords('kafka-tls', 'mutual', [...tls(), ...shown])
  const { code } = await kcat('kafka-tls', ['-L', '-m', '3', ...tls()])
  expect(code).not.toBe(0)
})
