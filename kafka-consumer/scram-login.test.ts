// Tests the client's half of SCRAM against the exchange that RFC 7677 prints, and against servers that lie.
import { expect, test } from 'vitest'
import { ScramLogin } from './scram-login.ts'

const options = {
  hash: 'sha256',
  username: 'user',
  password: 'pencil',
  nonce: 'rOprNGfwEbeRWgbNEkqO',
} as const
const serverFirst =
  'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'

test('the exchange of RFC 7677 comes out as it is printed', async () => {
  const login = new ScramLogin(options)
  expect(login.first().toString()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  expect((await login.final(Buffer.from(serverFirst)))?.toString()).toBe(
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  const final = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='
  expect(login.isServerRight(Buffer.from(final))).toBe(true)
  expect(login.isServerRight(Buffer.from(final.replace('6rr', '7rr')))).toBe(false)
  expect(login.isServerRight(Buffer.from('e=other-error'))).toBe(false)
})

test('names keep their commas and equal signs', () => {
  const login = new ScramLogin({ ...options, username: 'a=b,c' })
  expect(login.first().toString()).toBe(`n,,n=a=3Db=2Cc,r=${options.nonce}`)
})

test.each([
  ['another nonce', serverFirst.replace('rOpr', 'xOpr')],
  ['our nonce alone', serverFirst.replace('%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0', '')],
  ['no rounds', serverFirst.replace('4096', '0')],
  ['a million rounds and more', serverFirst.replace('4096', '1000001')],
  ['no salt', serverFirst.replace(/,s=[^,]*/, '')],
  ['nothing', ''],
])('a server that answers with %s is not answered', async (_, message) => {
  expect(await new ScramLogin(options).final(Buffer.from(message))).toBe(undefined)
})

test('no server is right before the exchange', () => {
  expect(new ScramLogin(options).isServerRight(Buffer.from('v='))).toBe(false)
})
