// Tests a connection against a broker that answers late, wrongly, in half, or not at all.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectMaxMs, requestMaxMs } from '../common/consumer-limits.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { encodeResponse } from '../protocol/request.ts'
import { eventually } from '../test/support/eventually.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { allVersions, PlayedBroker } from '../test/support/played-broker.ts'
import { BrokerLink } from './broker-link.ts'
import { Connection } from './connection.ts'

let broker: PlayedBroker
let clock: ManualClock
beforeEach(async () => {
  broker = await PlayedBroker.start({ Heartbeat: () => ({ errorCode: 0 }) })
  clock = new ManualClock()
})
afterEach(() => broker.stop())

const options = (address = broker.address) => ({ address, clientId: 'test', clock })
const beat = { groupId: 'g', generationId: 1, memberId: 'm' }
const unreachable = { code: 'BROKER_UNREACHABLE' }
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})
async function connected(): Promise<Connection> {
  const connection = await Connection.open(options())
  closing.push(() => connection.close())
  return connection
}
async function linked(sasl?: 'plain' | 'scram-sha-256'): Promise<BrokerLink> {
  const login = { username: 'ann', password: 'a word' }
  const access = sasl === undefined ? {} : { access: { sasl: { mechanism: sasl, ...login } } }
  const link = await BrokerLink.open({ ...options(), ...access })
  closing.push(() => link.close())
  return link
}

test('requests go out at once, and each has its own answer', async () => {
  broker.rules.Heartbeat = ({ generationId }) => ({ errorCode: 0, throttleTimeMs: generationId })
  const connection = await connected()
  const answers = await Promise.all(
    [1, 2, 3].map((generationId) => connection.ask('Heartbeat', 4, { ...beat, generationId })),
  )
  expect(answers.map(({ body }) => body.throttleTimeMs)).toEqual([1, 2, 3])
  expect(connection.isBusy).toBe(false)
})

test('what a broker that hangs up has not answered is rejected, and so is what comes later', async () => {
  broker.rules.Heartbeat = () => 'close'
  const connection = await connected()
  const both = [1, 2].map(() => connection.ask('Heartbeat', 4, beat))
  for (const one of both) await expect(one).rejects.toMatchObject(unreachable)
  expect(connection.isOpen).toBe(false)
  await expect(connection.ask('Heartbeat', 4, beat)).rejects.toMatchObject(unreachable)
})

test('a broker that dies amid an answer leaves it unanswered', async () => {
  broker.rules.Heartbeat = () => Buffer.from([0, 0, 0, 50, 0, 0, 0, 0, 1])
  const connection = await connected()
  const one = connection.ask('Heartbeat', 4, beat)
  one.catch(() => {})
  await eventually(
    () => (broker.requests.length > 0 ? true : undefined),
    () => 'the broker has been asked',
  )
  broker.hangUp()
  await expect(one).rejects.toMatchObject(unreachable)
})

test('no answer in time ends the connection', async () => {
  broker.rules.Heartbeat = () => 'hang'
  const connection = await connected()
  const one = connection.ask('Heartbeat', 4, beat)
  clock.advance(requestMaxMs)
  await expect(one).rejects.toMatchObject({
    message: `no broker answers at ${broker.address}: no answer to Heartbeat within 30000 ms`,
  })
  expect(connection.isOpen).toBe(false)
})

test.each([
  ['an answer to what was not asked', (bytes: Buffer) => bytes.writeInt32BE(77, 4)],
  ['an answer that cannot be read', (bytes: Buffer) => bytes.writeInt32BE(6, 0)],
])('%s ends the connection', async (_, change) => {
  broker.rules.Heartbeat = (_body, { api, version, correlationId }) => {
    const bytes = Buffer.concat(encodeResponse(api, version, correlationId, { errorCode: 0 }))
    change(bytes)
    return bytes
  }
  const connection = await connected()
  const answer = connection.ask('Heartbeat', 4, beat)
  await expect(answer).rejects.toMatchObject({ code: 'BROKER_ANSWER_INVALID' })
  expect(connection.isOpen).toBe(false)
})

test.each([-1, 2 ** 31 - 1])('an answer of %i bytes ends the connection', async (length) => {
  broker.rules.Heartbeat = () => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    return bytes
  }
  const connection = await connected()
  await expect(connection.ask('Heartbeat', 4, beat)).rejects.toMatchObject({
    message: expect.stringContaining(`frame length is ${length}`) as string,
  })
})

test('nobody at the door, or a door that never opens, is said', async () => {
  const { address } = broker
  const hanging = BrokerLink.open(options())
  await broker.stop()
  await expect(hanging).rejects.toMatchObject(unreachable)
  await expect(Connection.open(options(address))).rejects.toMatchObject(unreachable)
  // A network that swallows what is sent to it (RFC 5737).
  const swallowed = Connection.open(options('192.0.2.1:9092'))
  clock.advance(connectMaxMs)
  await expect(swallowed).rejects.toMatchObject(unreachable)
  broker = await PlayedBroker.start()
})

test('the highest version that both sides speak is used', async () => {
  broker.rules.ApiVersions = () => allVersions({ Heartbeat: 2 })
  const link = await linked()
  expect(link.version('Heartbeat')).toBe(2)
  expect(link.version('Fetch', 12)).toBe(12)
  await link.ask('Heartbeat', beat)
  expect(broker.requests.at(-1)).toMatchObject({ api: 'Heartbeat', version: 2 })
})

test('a broker that does not know our ApiVersions is asked in version 0', async () => {
  broker.rules.ApiVersions = (_body, { version, correlationId }) =>
    version > 0
      ? Buffer.concat(
          encodeResponse('ApiVersions', 0, correlationId, {
            ...allVersions(),
            errorCode: errorCodes.UNSUPPORTED_VERSION,
          }),
        )
      : allVersions({ Heartbeat: 1 })
  expect((await linked()).version('Heartbeat')).toBe(1)
  expect(broker.requests.map(({ version }) => version)).toEqual([3, 0])
})

test('an API without a version of ours is refused before it is asked', async () => {
  broker.rules.ApiVersions = () => {
    const { apiKeys } = allVersions()
    const newer = apiKeys.map(({ apiKey }) => ({ apiKey, minVersion: 90, maxVersion: 91 }))
    return { errorCode: 0, apiKeys: newer }
  }
  await expect((await linked()).ask('Heartbeat', beat)).rejects.toMatchObject({
    code: 'BROKER_REFUSED',
    message: expect.stringContaining('Heartbeat: UNSUPPORTED_VERSION') as string,
  })
})

test('a login that is refused says why, and hangs up', async () => {
  broker.rules.SaslHandshake = () => ({ errorCode: 0, mechanisms: ['PLAIN'] })
  broker.rules.SaslAuthenticate = () => ({
    errorCode: errorCodes.SASL_AUTHENTICATION_FAILED,
    errorMessage: 'wrong password',
    authBytes: Buffer.alloc(0),
  })
  await expect(linked('plain')).rejects.toMatchObject({
    code: 'BROKER_REFUSED',
    message: `broker ${broker.address} refused the login: SASL_AUTHENTICATION_FAILED, wrong password`,
  })
  const [{ authBytes }] = broker.asked('SaslAuthenticate') as [{ authBytes: Buffer }]
  expect(authBytes.toString()).toBe('\0ann\0a word')
})

test('a mechanism that the broker does not have is said', async () => {
  broker.rules.SaslHandshake = () => ({
    errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM,
    mechanisms: ['PLAIN'],
  })
  await expect(linked('scram-sha-256')).rejects.toMatchObject({
    message: expect.stringContaining('SCRAM-SHA-256 is not among PLAIN') as string,
  })
})

test('a server that does not know the password is not believed', async () => {
  broker.rules.SaslHandshake = () => ({ errorCode: 0, mechanisms: [] })
  broker.rules.SaslAuthenticate = ({ authBytes }) => {
    const nonce = /r=([^,]+)/.exec(authBytes.toString())?.[1] ?? ''
    const first = `r=${nonce}x,s=c2FsdA==,i=4096`
    const answer = authBytes.toString().startsWith('n,,') ? first : 'v=AAAA'
    return { errorCode: 0, errorMessage: null, authBytes: Buffer.from(answer) }
  }
  await expect(linked('scram-sha-256')).rejects.toMatchObject({ code: 'BROKER_ANSWER_INVALID' })
})

test('a link is good until its login nears its end', async () => {
  broker.rules.SaslHandshake = () => ({ errorCode: 0, mechanisms: [] })
  broker.rules.SaslAuthenticate = () => ({
    errorCode: 0,
    errorMessage: null,
    authBytes: Buffer.alloc(0),
    sessionLifetimeMs: 10_000,
  })
  const link = await linked('plain')
  clock.advance(7_900)
  expect(link.isGood).toBe(true)
  clock.advance(200)
  expect(link.isGood).toBe(false)
})
