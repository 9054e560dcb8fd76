// Tests how secrets are found by their names, and that nothing of their content is told when they are not.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isSecretUri, readSecret, secretMember } from './secrets.ts'

const arn = (name: string): string => `arn:aws:secretsmanager:eu-west-1:000000000000:secret:${name}`

async function secretsIn(files: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-secrets-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true })
    await writeFile(join(directory, name), content)
  }
  return { directory, environment: { LOGIN: '{"username":"eve"}', EMPTY: undefined } }
}

test.each([
  [arn('ann-a1B2c3'), 'ann.json'],
  [arn('ann'), 'ann.json'],
  [arn('ann-a1B2c3'), 'ann-a1B2c3.json'],
  [arn('team/kafka_user+x=y.z@w-a1B2c3'), 'team/kafka_user+x=y.z@w.json'],
])('%s is %s of the directory', async (uri, file) => {
  const secrets = await secretsIn({ [file]: '{"username":"ann"}' })
  expect(isSecretUri(uri)).toBe(true)
  expect(await readSecret(uri, secrets)).toEqual({ username: 'ann' })
})

test('the whole name is before the one without the six characters that AWS adds', async () => {
  const secrets = await secretsIn({ 'a-sequel.json': '{"n":1}', 'a.json': '{"n":2}' })
  expect(await readSecret(arn('a-sequel'), secrets)).toEqual({ n: 1 })
})

test('a file and a variable are secrets too', async () => {
  const secrets = await secretsIn({ 'x.json': '{"n":1}' })
  const path = join(secrets.directory, 'x.json')
  expect(await readSecret(`file:${path}`, secrets)).toEqual({ n: 1 })
  expect(await readSecret(`file://${path}`, secrets)).toEqual({ n: 1 })
  expect(await readSecret('env:LOGIN', secrets)).toEqual({ username: 'eve' })
})

test.each([
  arn('..'),
  arn('../users'),
  arn('a/../../users'),
  arn('/etc/users'),
  arn('a//b'),
  arn(''),
  'arn:aws:kms:us-east-1:000000000000:key/1',
  'file:',
  'env:',
  'env:a b',
  'users',
])('%j calls no secret', async (uri) => {
  expect(isSecretUri(uri)).toBe(false)
  await expect(readSecret(uri, { directory: '/etc', environment: {} })).rejects.toMatchObject({
    code: 'SECRET_UNREADABLE',
  })
})

test.each([
  ['hunter2', 'it is not JSON'],
  ['"hunter2"', 'it is not a JSON object'],
  ['["hunter2"]', 'it is not a JSON object'],
  [`{"password":"hunter2${'x'.repeat(65_536)}"}`, 'it is too large'],
])('a secret that is wrong is named, and not quoted: %#', async (content, reason) => {
  const secrets = await secretsIn({ 'ann.json': content })
  await expect(readSecret(arn('ann'), secrets)).rejects.toThrow(
    new RegExp(`^secret ${arn('ann')} cannot be used: ${reason}$`),
  )
})

test('a member that is missing is named, whatever is beside it', () => {
  for (const secret of [{ password: '' }, { password: 7 }, { PASSWORD: 'hunter2' }]) {
    expect(() => secretMember('env:LOGIN', secret, 'password')).toThrow(
      /^secret env:LOGIN cannot be used: it has no password$/,
    )
  }
})

test('what is missing is said: the file, the variable, the directory', async () => {
  const secrets = await secretsIn({})
  const failure = (uri: string, directory = secrets.directory): Promise<unknown> =>
    readSecret(uri, { ...secrets, directory })
  await expect(failure(arn('ann-a1B2c3'))).rejects.toThrow(
    `there is no ${secrets.directory}/ann-a1B2c3.json, nor ${secrets.directory}/ann.json`,
  )
  await expect(failure('env:EMPTY')).rejects.toThrow('there is no such variable')
  await expect(failure(arn('ann'), '')).rejects.toThrow('--secrets names no directory')
  await expect(failure(`file:${secrets.directory}`)).rejects.toThrow(/EISDIR$/)
})
