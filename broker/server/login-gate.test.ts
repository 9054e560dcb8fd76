// Tests who passes a door that wants a login: by which frames, in which order, and for how long.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { failedLoginDelayMs } from '../../common/door-limits.ts'
import { silentLogger } from '../../common/logger.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { ApiName, ReceivedResponse, RequestToSend } from '../../protocol/apis.ts'
import { encodeRequest, parseResponse } from '../../protocol/request.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { ScramClient } from '../../test/support/scram-client.ts'
import type { Reply } from '../api/handlers.ts'
import { saslMechanisms } from '../auth/sasl.ts'
import { Users } from '../auth/users.ts'
import { LoginGate } from './login-gate.ts'
import { ServerCounters } from './server-counters.ts'

let directory: string
let users: Users
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-gate-'))
  const usersFile = join(directory, 'users')
  await writeFile(usersFile, 'ann:a-word\nbob:b-word\n', { mode: 0o600 })
  const credentialFile = join(directory, 'credentials')
  users = await Users.open({ credentialFile, usersFile, logger: silentLogger })
})
afterAll(() => rm(directory, { recursive: true, force: true }))

let clock: ManualClock
let counters: ServerCounters
let gate: LoginGate
let logins: number
/** What got through, by correlation id. */
let passed: number[]
beforeEach(() => open(0))

function open(loginLifetimeMs: number): void {
  clock = new ManualClock()
  counters = new ServerCounters()
  logins = 0
  passed = []
  gate = new LoginGate({
    users,
    loginLifetimeMs,
    client: '/127.0.0.1',
    signal: new AbortController().signal,
    clock,
    logger: silentLogger,
    counters,
    onLogin: () => (logins += 1),
  })
}

let correlationId = 0
function send<Name extends ApiName>(
  api: Name,
  version: number,
  body: RequestToSend<Name>,
): Promise<Reply> {
  const header = { api, version, correlationId: ++correlationId, clientId: null }
  return take(Buffer.concat(encodeRequest(header, body)).subarray(4))
}

function take(frame: Buffer): Promise<Reply> {
  return gate.answer(frame, () => {
    passed.push(frame.readInt32BE(4))
    return Promise.resolve(null)
  })
}

function read<Name extends ApiName>(
  api: Name,
  version: number,
  reply: Reply,
): ReceivedResponse<Name> {
  const pieces = reply !== null && 'close' in reply ? reply.last : reply
  const response = parseResponse(api, version, Buffer.concat(pieces ?? []).subarray(4))
  if (!response.ok) throw new Error(response.reason)
  return response.body
}

const closes = (reply: Reply): string => (reply !== null && 'close' in reply ? reply.close : '')
const plain = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`)
const metadata = () => send('Metadata', 1, { topics: [] })

async function login(token: Buffer = plain('ann', 'a-word'), mechanism = 'PLAIN') {
  await send('SaslHandshake', 1, { mechanism })
  return send('SaslAuthenticate', 2, { authBytes: token })
}

/** A login that fails is answered after a delay. */
async function failedLogin(attempt: Promise<Reply>) {
  while (clock.timers === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(failedLoginDelayMs - 1)
  clock.advance(1)
  const reply = await attempt
  return { reply, response: read('SaslAuthenticate', 2, reply) }
}

test('before a login all but ApiVersions ends the connection', async () => {
  await send('ApiVersions', 3, {})
  expect(passed.length).toBe(1)
  expect(closes(await metadata())).toBe('Metadata came before a login')
  expect(closes(await take(Buffer.from([0, 1])))).toContain('position')
  expect(passed.length).toBe(1)
})

test('after the right password requests pass', async () => {
  const handshake = read('SaslHandshake', 1, await send('SaslHandshake', 1, { mechanism: 'PLAIN' }))
  expect(handshake).toEqual({ errorCode: 0, mechanisms: saslMechanisms })
  const reply = await send('SaslAuthenticate', 1, { authBytes: plain('ann', 'a-word') })
  expect(read('SaslAuthenticate', 1, reply)).toMatchObject({
    errorCode: 0,
    sessionLifetimeMs: 0,
  })
  expect(await metadata()).toBe(null)
  expect([passed.length, logins]).toEqual([1, 1])
  expect(counters.logins.get('PLAIN')).toEqual({ succeeded: 1, failed: 0 })
})

test.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'])('%s proves the password both ways', async (name) => {
  const client = new ScramClient(name, 'bob', 'b-word')
  const first = read('SaslAuthenticate', 2, await login(client.first(), name))
  expect(closes(await metadata())).not.toBe('')
  const final = client.final(first.authBytes)
  const last = read('SaslAuthenticate', 2, await send('SaslAuthenticate', 2, { authBytes: final }))
  expect(client.isServerRight(last.authBytes)).toBe(true)
  expect(await metadata()).toBe(null)
})

test.each([
  ['PLAIN', 'ann', 'wrong'],
  ['PLAIN', 'nobody', 'a-word'],
  ['PLAIN', '', ''],
  ['SCRAM-SHA-256', 'ann', 'wrong'],
  ['SCRAM-SHA-512', 'nobody', 'a-word'],
])('a failed login by %s as "%s" is late, counted, and the end', async (name, user, password) => {
  const client = new ScramClient(name, user, password)
  let attempt: Promise<Reply>
  if (name === 'PLAIN') attempt = login(plain(user, password))
  else {
    const first = read('SaslAuthenticate', 2, await login(client.first(), name))
    attempt = send('SaslAuthenticate', 2, { authBytes: client.final(first.authBytes) })
  }
  const { reply, response } = await failedLogin(attempt)
  expect(response.errorCode).toBe(errorCodes.SASL_AUTHENTICATION_FAILED)
  expect(response.errorMessage).toMatch(/^Authentication failed/)
  expect(closes(reply)).toBe(response.errorMessage)
  expect(counters.logins.get(name)).toEqual({ succeeded: 0, failed: 1 })
  expect(closes(await metadata())).toBe('Metadata came before a login')
})

test('nobody becomes somebody else by asking', async () => {
  const { response } = await failedLogin(login(Buffer.from('bob\0ann\0a-word')))
  expect(response.errorMessage).toContain('authorization id')
})

test('after a handshake of version 0 tokens are bare frames, and then requests again', async () => {
  await send('SaslHandshake', 0, { mechanism: 'SCRAM-SHA-256' })
  const client = new ScramClient('SCRAM-SHA-256', 'ann', 'a-word')
  const bare = async (token: Buffer): Promise<Buffer> => {
    const reply = await take(token)
    if (reply === null || 'close' in reply) throw new Error('a token is answered')
    const bytes = Buffer.concat(reply)
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    return bytes.subarray(4)
  }
  expect(client.isServerRight(await bare(client.final(await bare(client.first()))))).toBe(true)
  expect(await metadata()).toBe(null)
})

test('a mechanism that is not spoken is told those that are', async () => {
  const reply = await send('SaslHandshake', 1, { mechanism: 'GSSAPI' })
  expect(read('SaslHandshake', 1, reply)).toEqual({
    errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM,
    mechanisms: saslMechanisms,
  })
  expect(closes(reply)).toBe('mechanism "GSSAPI" is not spoken')
})

test('tokens without a handshake, and a handshake in a handshake, are refused', async () => {
  const reply = await send('SaslAuthenticate', 2, { authBytes: plain('ann', 'a-word') })
  expect(read('SaslAuthenticate', 2, reply).errorCode).toBe(errorCodes.ILLEGAL_SASL_STATE)
  await send('SaslHandshake', 1, { mechanism: 'PLAIN' })
  const second = await send('SaslHandshake', 1, { mechanism: 'PLAIN' })
  expect(read('SaslHandshake', 1, second).errorCode).toBe(errorCodes.ILLEGAL_SASL_STATE)
})

test('requests that were sent before the answer to the login wait for it, in their order', async () => {
  const replies = [
    send('SaslHandshake', 1, { mechanism: 'PLAIN' }),
    send('SaslAuthenticate', 2, { authBytes: plain('ann', 'a-word') }),
    ...Array.from({ length: 100 }, metadata),
  ]
  const ids = Array.from({ length: 101 }, (_, i) => correlationId - 99 + i)
  expect(passed).toEqual([])
  await replies[1]
  replies.push(metadata())
  await Promise.all(replies)
  expect(passed).toEqual(ids)
})

test('a login that holds for ever is not renewed', async () => {
  await login()
  expect(await send('SaslHandshake', 1, { mechanism: 'PLAIN' })).toBe(null)
  expect(passed.length).toBe(1)
})

test('a login that is not renewed in time ends the connection', async () => {
  open(60_000)
  const reply = read('SaslAuthenticate', 2, await login())
  expect(reply.sessionLifetimeMs).toBe(60_000)
  clock.advance(59_999)
  expect(await metadata()).toBe(null)
  clock.advance(1)
  expect(closes(await metadata())).toBe('the login of ann was not renewed')
})

test('a login is renewed by the same user in the same way', async () => {
  open(60_000)
  await login()
  clock.advance(50_000)
  await login()
  clock.advance(50_000)
  expect(await metadata()).toBe(null)
  expect(logins).toBe(1)
  const { response } = await failedLogin(login(plain('bob', 'b-word')))
  expect(response.errorMessage).toBe('Cannot change user in a renewed login')
  open(60_000)
  await login()
  const other = await send('SaslHandshake', 1, { mechanism: 'SCRAM-SHA-256' })
  expect(closes(other)).toBe('a login was to be renewed by another mechanism')
})
