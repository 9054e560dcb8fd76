// Tests that objects of S3 arrive whole in files, and what comes of those that do not.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { AwsReceiver } from '../test/support/aws-receiver.ts'
import { AwsObjects } from './aws-objects.ts'

let receiver: AwsReceiver
let objects: AwsObjects
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-objects-'))
  receiver = await AwsReceiver.start()
  for (const [name, value] of Object.entries(receiver.environment)) vi.stubEnv(name, value)
  objects = new AwsObjects({ region: 'us-east-1', clock: systemClock })
})
afterAll(async () => {
  objects.close()
  vi.unstubAllEnvs()
  await receiver.stop()
  await rm(scratch, { recursive: true })
})

const object = (key: string) => ({ bucket: 'packages', key, version: undefined })

test('an object is in the file, with its digest and size', async () => {
  const content = Buffer.alloc(300_000, 'tyre')
  receiver.objects.set('packages/a b/c.zip', content)
  const path = join(scratch, 'whole')
  const fetched = await objects.fetch(object('a b/c.zip'), path, 300_000)
  expect(fetched).toMatchObject({ sizeBytes: 300_000 })
  expect(await readFile(path)).toEqual(content)
})

test('one that is larger than it may be is not taken', async () => {
  receiver.objects.set('packages/big', Buffer.alloc(1001))
  expect(await objects.fetch(object('big'), join(scratch, 'big'), 1000)).toBe('too large')
})

test('what is not there is said in the words of the service', async () => {
  expect(await objects.fetch(object('gone'), join(scratch, 'gone'), 1000)).toEqual({
    code: 'NoSuchKey',
    message: 'The key is not there.',
  })
})

test('a file that cannot be written is not taken for an answer', async () => {
  receiver.objects.set('packages/small', Buffer.from('small'))
  const path = join(scratch, 'no', 'such', 'folder')
  await expect(objects.fetch(object('small'), path, 1000)).rejects.toMatchObject({ code: 'ENOENT' })
})
