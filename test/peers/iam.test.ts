// Tests that boto3 keeps a function's role in IAM as it does on AWS: documents, pages, waiters and errors.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'

interface Tour {
  readonly identity: readonly string[]
  readonly role: Readonly<Record<string, unknown>>
}

let platform: Platform
let tour: Tour
beforeAll(async () => {
  if (!existsSync(python)) throw new Error('boto3 is missing: run "make test-peers"')
  platform = await startPlatform({ role: 'control' })
  const output = await succeed(python, ['test/peers/iam.py', platform.aws], { timeoutMs: 100_000 })
  tour = JSON.parse(output.toString()) as Tour
})
afterAll(async () => platform.stop())

test('boto3 reads a role back as it made it, and takes it away again', () => {
  expect(tour.role).toEqual({
    described: [
      'arn:aws:iam::000000000000:role/laps',
      'of <laps> & ünits',
      3600,
      [{ Key: 'team', Value: 'pit' }],
    ],
    documents: [true, true, true],
    attached: ['laps', 'AWSLambdaBasicExecutionRole'],
    listed: ['laps'],
    again: ['EntityAlreadyExistsException', 409, 'Role with name laps already exists.'],
    inUse: [
      'DeleteConflictException',
      409,
      'Cannot delete entity, must detach all policies first.',
    ],
    gone: ['NoSuchEntityException', 404, 'The role with name laps cannot be found.'],
    malformed: ['MalformedPolicyDocumentException', 400, 'This policy contains invalid Json'],
    notHere: ['ClientError', 400, 'There is no operation ListUsers of AWS STS or IAM here.'],
  })
})

test('boto3 is told whose credentials it has', () => {
  expect(tour.identity).toEqual(['000000000000', 'arn:aws:iam::000000000000:root', '000000000000'])
})
