// Tests SCRAM against the exchanges that its RFCs print, and against messages that are not it.
import { expect, test } from 'vitest'
import { ScramClient } from '../../test/support/scram-client.ts'
import { absentCredential, parseClientFirst, saltPassword, ScramServer } from './scram.ts'

// RFC 7677, section 3: user "user", password "pencil".
const rfc = {
  clientFirst: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  serverFirst:
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  clientFinal:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

async function exchange(password = 'pencil') {
  const first = parseClientFirst(rfc.clientFirst)
  if (first === undefined) throw new Error('it is a first message')
  const kept = { salt: rfc.salt, iterations: 4096 }
  const credential = await saltPassword('SCRAM-SHA-256', password, kept)
  const { serverNonce } = rfc
  return new ScramServer('SCRAM-SHA-256', credential, { first, serverNonce })
}

test('the exchange of RFC 7677 comes out as it is printed', async () => {
  const server = await exchange()
  expect(server.firstMessage).toBe(rfc.serverFirst)
  expect(server.finish(rfc.clientFinal)).toBe(rfc.serverFinal)
})

test('another password, nonce, binding or proof fails', async () => {
  expect((await exchange('pencils')).finish(rfc.clientFinal)).toBe(undefined)
  const server = await exchange()
  for (const [from, to] of [
    ['biws', 'eSws'],
    ['r=rO', 'r=rP'],
    ['p=dH', 'p=dI'],
    [/,p=.*/, ''],
    [/p=.*/, 'p=AAAA'],
    ['c=', 'x='],
  ] as const) {
    expect(server.finish(rfc.clientFinal.replace(from, to))).toBe(undefined)
  }
})

test('a nonce with the client’s part twice, as old librdkafka has it, is taken', async () => {
  const client = new ScramClient('SCRAM-SHA-256', 'user', 'pencil')
  const first = parseClientFirst(client.first().toString())
  if (first === undefined) throw new Error('it is a first message')
  const credential = await saltPassword('SCRAM-SHA-256', 'pencil', {
    salt: rfc.salt,
    iterations: 1,
  })
  const server = new ScramServer('SCRAM-SHA-256', credential, { first, serverNonce: 'ours' })
  const serverFirst = Buffer.from(server.firstMessage)
  const final = client.final(serverFirst, { isOldLibrdkafka: true }).toString()
  expect(final).toContain(`r=${first.nonce}${first.nonce}ours,`)
  expect(client.isServerRight(Buffer.from(server.finish(final) ?? ''))).toBe(true)
})

test('names with commas and equal signs are read, and whom the client wants to be', () => {
  expect(parseClientFirst('y,a=b=3Dc,n=a=2Cb=3Dc,r=nonce,ext=1')).toEqual({
    gs2Header: 'y,a=b=3Dc,',
    bare: 'n=a=2Cb=3Dc,r=nonce,ext=1',
    user: 'a,b=c',
    authorizationId: 'b=c',
    nonce: 'nonce',
  })
})

test.each(['', 'n,,', 'p=tls-unique,,n=u,r=x', 'n,,n=,r=x', 'n,,n=a=b,r=x', 'n,,n=u,r=', 'n,,r=x'])(
  'the first message %j is refused',
  (message) => expect(parseClientFirst(message)).toBe(undefined),
)

test('a name that is not there looks like one that is', () => {
  const [one, again] = [1, 2].map(() => absentCredential('SCRAM-SHA-512', 'nobody'))
  expect(one?.salt).toEqual(again?.salt)
  expect(one?.storedKey).not.toEqual(again?.storedKey)
  expect(absentCredential('SCRAM-SHA-512', 'somebody').salt).not.toEqual(one?.salt)
})
