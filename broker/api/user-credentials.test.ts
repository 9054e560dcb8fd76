// Tests how admins give users SCRAM credentials over the wire, and who may log in then.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { saltedPassword, ScramClient } from '../../test/support/scram-client.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

let broker: TestBroker
let client: RawKafka
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-credentials-'))
  const kafkaUsers = join(directory, 'users')
  await writeFile(kafkaUsers, 'operator:pw\n', { mode: 0o600 })
  broker = await TestBroker.start({
    kafkaUsers,
    listeners: ['safe+sasl_plaintext://127.0.0.1:0'],
  })
  client = await RawKafka.connect(broker.address)
})
afterAll(async () => {
  client.close()
  await broker.remove()
  await rm(directory, { recursive: true, force: true })
})

const nameOf = (code: number): KafkaErrorName | undefined =>
  (Object.keys(errorCodes) as KafkaErrorName[]).find((name) => errorCodes[name] === code)

const salt = Buffer.from('salty')
function upsertion(name: string, rest: Partial<Wanted> = {}): Wanted {
  const iterations = rest.iterations ?? 4_096
  const hash = rest.mechanism === 2 ? 'sha512' : 'sha256'
  const salted = saltedPassword(hash, `pw of ${name}`, salt, iterations)
  return { name, mechanism: 1, iterations, salt, saltedPassword: salted, ...rest }
}
interface Wanted {
  readonly name: string
  readonly mechanism: number
  readonly iterations: number
  readonly salt: Buffer
  readonly saltedPassword: Buffer
}

async function alter(
  upsertions: readonly Wanted[],
  deletions: readonly { name: string; mechanism: number }[] = [],
) {
  const { results } = await client.ask('AlterUserScramCredentials', 0, { upsertions, deletions })
  return results.map(({ user, errorCode }) => [user, nameOf(errorCode)])
}

async function describe(...names: string[]) {
  const users = names.length === 0 ? null : names.map((name) => ({ name }))
  const { results } = await client.ask('DescribeUserScramCredentials', 0, { users })
  return results.map(({ user, errorCode, credentialInfos }) => {
    const infos = credentialInfos.map(({ mechanism, iterations }) => `${mechanism}:${iterations}`)
    return [user, nameOf(errorCode) ?? ''].concat(infos)
  })
}

/** Whether the door lets the user in and answers a request then. */
async function canLogIn(name: string, mechanism: string, password: string): Promise<boolean> {
  const safe = await RawKafka.connect(broker.role.doors['kafka-safe'] ?? '')
  const scram = new ScramClient(mechanism, name, password)
  await safe.ask('SaslHandshake', 1, { mechanism })
  const first = await safe.ask('SaslAuthenticate', 2, { authBytes: scram.first() })
  const last = await safe.ask('SaslAuthenticate', 2, { authBytes: scram.final(first.authBytes) })
  if (last.errorCode === 0) expect(scram.isServerRight(last.authBytes)).toBe(true)
  if (last.errorCode === 0)
    expect((await safe.ask('Metadata', 1, { topics: [] })).topics).toEqual([])
  else await safe.closed()
  safe.close()
  return last.errorCode === 0
}

test('a user who was given a credential logs in with it, until it is taken away', async () => {
  expect(await alter([upsertion('ann'), upsertion('ann', { mechanism: 2 })])).toEqual([
    ['ann', 'NONE'],
  ])
  expect(await canLogIn('ann', 'SCRAM-SHA-256', 'pw of ann')).toBe(true)
  expect(await canLogIn('ann', 'SCRAM-SHA-512', 'pw of ann')).toBe(true)
  expect(await canLogIn('ann', 'SCRAM-SHA-512', 'pw of bob')).toBe(false)
  expect(await alter([], [{ name: 'ann', mechanism: 1 }])).toEqual([['ann', 'NONE']])
  expect(await canLogIn('ann', 'SCRAM-SHA-256', 'pw of ann')).toBe(false)
  await broker.restart()
  client = await RawKafka.connect(broker.address)
  expect(await canLogIn('ann', 'SCRAM-SHA-512', 'pw of ann')).toBe(true)
  expect(await describe('ann')).toEqual([['ann', 'NONE', '2:4096']])
})

test('users are described, those of the file as well, and those that are not there', async () => {
  await alter([upsertion('carl', { iterations: 8_192 })])
  expect(await describe('carl', 'operator', 'nobody', 'dora', 'dora')).toEqual([
    ['carl', 'NONE', '1:8192'],
    ['operator', 'NONE', '1:4096', '2:4096'],
    ['nobody', 'RESOURCE_NOT_FOUND'],
    ['dora', 'DUPLICATE_RESOURCE'],
  ])
  const everyone = (await describe()).map(([name]) => name)
  expect(everyone).toEqual(expect.arrayContaining(['carl', 'operator']))
})

test.each<[string, Partial<Wanted> & { name?: string }, KafkaErrorName]>([
  ['no name', { name: '' }, 'UNACCEPTABLE_CREDENTIAL'],
  ['a long name', { name: 'x'.repeat(256) }, 'UNACCEPTABLE_CREDENTIAL'],
  ['few iterations', { iterations: 4_095 }, 'UNACCEPTABLE_CREDENTIAL'],
  ['many iterations', { iterations: 16_385 }, 'UNACCEPTABLE_CREDENTIAL'],
  ['no salt', { salt: Buffer.alloc(0) }, 'UNACCEPTABLE_CREDENTIAL'],
  ['a short hash', { saltedPassword: Buffer.alloc(31) }, 'UNACCEPTABLE_CREDENTIAL'],
  ['an unknown mechanism', { mechanism: 3 }, 'UNSUPPORTED_SASL_MECHANISM'],
  ['a user of the file', { name: 'operator' }, 'UNACCEPTABLE_CREDENTIAL'],
])(
  'a credential with %s is refused, and others in the request are taken',
  async (_, bad, error) => {
    const name = bad.name ?? 'eve'
    expect(await alter([upsertion(name, { ...bad, name }), upsertion('fred')])).toEqual([
      [name, error],
      ['fred', 'NONE'],
    ])
    expect(await describe(name)).not.toContainEqual([name, 'NONE', '1:4096'])
  },
)

test('a request about very many users takes no more time than its length', async () => {
  const names = Array.from({ length: 50_000 }, (_, i) => ({ name: `none-${i}` }))
  const deletions = names.map(({ name }) => ({ name, mechanism: 1 }))
  const started = performance.now()
  const altered = await client.ask('AlterUserScramCredentials', 0, { deletions, upsertions: [] })
  const described = await client.ask('DescribeUserScramCredentials', 0, { users: names })
  // Were it quadratic, these would be minutes.
  expect(performance.now() - started).toBeLessThan(5_000)
  const codes = [...altered.results, ...described.results].map(({ errorCode }) => errorCode)
  expect(new Set(codes)).toEqual(new Set([errorCodes.RESOURCE_NOT_FOUND]))
})

test('of a user all is changed or nothing', async () => {
  const twice = [upsertion('gina'), upsertion('gina')]
  expect(await alter(twice)).toEqual([['gina', 'DUPLICATE_RESOURCE']])
  const missing = [{ name: 'gina', mechanism: 2 }]
  expect(await alter([upsertion('gina')], missing)).toEqual([['gina', 'RESOURCE_NOT_FOUND']])
  expect(await describe('gina')).toEqual([['gina', 'RESOURCE_NOT_FOUND']])
})

test('at a door without logins a login is out of place', async () => {
  const handshake = await client.ask('SaslHandshake', 1, { mechanism: 'PLAIN' })
  const token = await client.ask('SaslAuthenticate', 2, { authBytes: Buffer.alloc(0) })
  expect([handshake, token].map(({ errorCode }) => nameOf(errorCode))).toEqual([
    'ILLEGAL_SASL_STATE',
    'ILLEGAL_SASL_STATE',
  ])
})
