// Tests where users come from: the operator's file, and credentials that are kept; and how passwords are checked.
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../common/logger.ts'
import { passwordChecksMax } from '../../common/door-limits.ts'
import { PasswordChecks } from './password-checks.ts'
import { newSalt, saltPassword } from './scram.ts'
import { Users } from './users.ts'

let directory: string
let usersFile: string
let credentialFile: string
let log: string[]
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-users-'))
  usersFile = join(directory, 'users')
  credentialFile = join(directory, 'credentials')
  log = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function open(lines?: string): Promise<Users> {
  if (lines !== undefined) await writeFile(usersFile, lines, { mode: 0o600 })
  const write = (line: string): unknown => log.push(line)
  const logger = createLogger('users', { level: 'debug', format: 'json', write })
  return Users.open({ credentialFile, usersFile: lines === undefined ? '' : usersFile, logger })
}

const mechanism = 'SCRAM-SHA-512'
const credential = (password: string) =>
  saltPassword(mechanism, password, { salt: newSalt(), iterations: 4_096 })

test('users of the file log in with their password and no other, by every mechanism', async () => {
  const users = await open('# who\n\nann:se:cret \nbob:b\n')
  expect(await users.verify('ann', 'se:cret ')).toBe(true)
  expect(await users.verify('ann', 'se:cret')).toBe(false)
  expect(await users.verify('bob', 'b')).toBe(true)
  expect(await users.verify('eve', 'b')).toBe(false)
  expect([...(users.all().get('ann')?.keys() ?? [])]).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-512'])
})

test.each([
  ['ann', 'line 1: not name:password'],
  ['ann:a\n:b', 'line 2: not name:password'],
  ['ann:', 'line 1: not name:password'],
  ['ann:a\nann:b', 'line 2: the user is there twice'],
  [`${'x'.repeat(256)}:a`, 'line 1: the name is too long'],
])(
  'the file %j is refused with its line, and nothing of what stands there',
  async (lines, reason) => {
    const message = `--kafka-users: ${usersFile}, ${reason}`
    await expect(open(lines)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
  },
)

test('a file that is not there is refused', async () => {
  await writeFile(usersFile, '')
  await rm(usersFile)
  const opening = Users.open({ credentialFile, usersFile, logger: createLogger('x', quiet) })
  await expect(opening).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})
const quiet = { level: 'error', format: 'json', write: () => {} } as const

test('a changed file changes its users; a bad one changes nothing, and is logged', async () => {
  const users = await open('ann:a\nbob:b\n')
  const ofAnn = users.credential('ann', mechanism)
  await writeFile(usersFile, 'ann:a\nbob:new\n')
  await users.reload()
  // What has not changed is not salted again.
  expect(users.credential('ann', mechanism)).toBe(ofAnn)
  expect(await users.verify('bob', 'b')).toBe(false)
  expect(await users.verify('bob', 'new')).toBe(true)
  await writeFile(usersFile, 'bob')
  await users.reload()
  expect(await users.verify('bob', 'new')).toBe(true)
  expect(log.at(-1)).toContain('users not read')
})

test('a file that others can read is warned of, and no password is ever logged', async () => {
  await open('ann:topsecret\n')
  expect(log.join()).not.toContain('others can read')
  await chmod(usersFile, 0o644)
  await open('ann:topsecret\n')
  expect(log.join()).toContain('others can read the file of users')
  expect(log.join()).not.toContain('topsecret')
})

test('credentials that are made are there after a restart, for their owner’s eyes alone', async () => {
  const users = await open()
  const made = await credential('p-w')
  await users.change([
    { user: 'ann', mechanism, credential: made },
    { user: 'bob', mechanism, credential: made },
  ])
  await users.change([{ user: 'bob', mechanism, credential: null }])
  const again = await open()
  expect([...again.all()]).toEqual([['ann', new Map([[mechanism, made]])]])
  expect(await again.verify('ann', 'p-w')).toBe(true)
  expect((await stat(credentialFile)).mode & 0o777).toBe(0o600)
  expect(await readFile(credentialFile, 'utf8')).not.toContain('p-w')
})

test('changes that come together all count', async () => {
  const users = await open()
  const made = await credential('pw')
  const names = Array.from({ length: 20 }, (_, i) => `user-${i}`)
  await Promise.all(names.map((user) => users.change([{ user, mechanism, credential: made }])))
  expect([...(await open()).all().keys()]).toEqual(names)
})

test.each(['{"user":"ann"}\n', 'nonsense\n'])(
  'a file of credentials that is damaged ends the start: %j',
  async (text) => {
    await writeFile(credentialFile, text)
    await expect(open()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  },
)

test('a user of the file is the one that counts', async () => {
  await (await open()).change([{ user: 'ann', mechanism, credential: await credential('old') }])
  const users = await open('ann:new\n')
  expect(await users.verify('ann', 'old')).toBe(false)
  expect(users.isOfFile('ann')).toBe(true)
})

test('passwords are salted one at a time, and only so many wait', async () => {
  const checks = new PasswordChecks()
  const how = { salt: newSalt(), iterations: 1 }
  const salted = Array.from({ length: passwordChecksMax + 1 }, () =>
    checks.salt(mechanism, 'pw', how),
  )
  expect(await salted.at(-1)).toBe(undefined)
  expect((await salted[0])?.storedKey.length).toBe(64)
  expect((await Promise.all(salted)).filter((each) => each !== undefined).length).toBe(
    passwordChecksMax,
  )
  expect(await checks.salt(mechanism, 'pw', how)).not.toBe(undefined)
})
