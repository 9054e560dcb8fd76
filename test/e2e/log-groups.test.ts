// Tests log groups and streams that a client makes, as Terraform does, and events that it puts itself.
import {
  AssociateKmsKeyCommand,
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  DisassociateKmsKeyCommand,
  FilterLogEventsCommand,
  ListTagsForResourceCommand,
  PutLogEventsCommand,
  PutLogGroupDeletionProtectionCommand,
  PutRetentionPolicyCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { refusalOf } from '../support/control-harness.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let logs: CloudWatchLogsClient
let logGroupName: string
let groups = 0

beforeAll(async () => {
  platform = await startPlatform()
  logs = new CloudWatchLogsClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
})
beforeEach(async () => {
  logGroupName = `/own/${groups++}`
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { team: 'a' } }))
})
afterAll(async () => {
  logs.destroy()
  await platform.stop()
})

async function group() {
  const command = new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName })
  return (await logs.send(command)).logGroups?.[0]
}

async function put(messages: readonly (readonly [agoMs: number, message: string])[]) {
  const now = Date.now()
  return logs.send(
    new PutLogEventsCommand({
      logGroupName,
      logStreamName: 's',
      logEvents: messages.map(([agoMs, message]) => ({ timestamp: now - agoMs, message })),
    }),
  )
}

async function stored(): Promise<(string | undefined)[]> {
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }))
  return events.map(({ message }) => message)
}

test('a group that exists is not made again, and a deleted one is gone', async () => {
  expect(await refusalOf(logs.send(new CreateLogGroupCommand({ logGroupName })))).toEqual({
    name: 'ResourceAlreadyExistsException',
    status: 400,
    message: 'The specified log group already exists',
  })
  await logs.send(new DeleteLogGroupCommand({ logGroupName }))
  expect(await group()).toBeUndefined()
  expect(await refusalOf(logs.send(new DeleteLogGroupCommand({ logGroupName })))).toMatchObject({
    name: 'ResourceNotFoundException',
  })
})

test('a group that is made again at once takes events as any other', async () => {
  const logStreamName = 's'
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }))
  await put([[0, 'before']])
  await logs.send(new DeleteLogGroupCommand({ logGroupName }))
  await logs.send(new CreateLogGroupCommand({ logGroupName }))
  expect(await stored()).toEqual([])
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }))
  await put([[0, 'after']])
  expect(await stored()).toEqual(['after'])
})

test('retention is kept until it is deleted, and only for as many days as AWS knows', async () => {
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 14 }))
  expect(await group()).toMatchObject({ retentionInDays: 14 })
  const two = new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 2 })
  expect(await refusalOf(logs.send(two))).toMatchObject({ name: 'InvalidParameterException' })
  await logs.send(new DeleteRetentionPolicyCommand({ logGroupName }))
  expect((await group())?.retentionInDays).toBeUndefined()
})

test("a group's class, key and protection are told as they were given, until they are changed", async () => {
  expect(await group()).toMatchObject({
    logGroupClass: 'STANDARD',
    deletionProtectionEnabled: false,
  })
  logGroupName = `${logGroupName}/more`
  const kmsKeyId = 'arn:aws:kms:us-east-1:000000000000:key/one'
  const more = { logGroupClass: 'INFREQUENT_ACCESS', deletionProtectionEnabled: true } as const
  await logs.send(new CreateLogGroupCommand({ logGroupName, kmsKeyId, ...more }))
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 14 }))
  await logs.send(new DeleteRetentionPolicyCommand({ logGroupName }))
  expect(await group()).toMatchObject({ kmsKeyId, ...more })
  const { logGroupClass } = more
  const ofClass = new DescribeLogGroupsCommand({ logGroupNamePrefix: '/own', logGroupClass })
  expect((await logs.send(ofClass)).logGroups).toMatchObject([{ logGroupName }])
  const remove = new DeleteLogGroupCommand({ logGroupName })
  expect(await refusalOf(logs.send(remove))).toMatchObject({ name: 'ValidationException' })
  await logs.send(
    new PutLogGroupDeletionProtectionCommand({
      logGroupIdentifier: logGroupName,
      deletionProtectionEnabled: false,
    }),
  )
  await logs.send(new DisassociateKmsKeyCommand({ logGroupName }))
  expect((await group())?.kmsKeyId).toBeUndefined()
  const resourceIdentifier = (await group())?.logGroupArn ?? ''
  await logs.send(new AssociateKmsKeyCommand({ resourceIdentifier, kmsKeyId }))
  expect(await group()).toMatchObject({ kmsKeyId, deletionProtectionEnabled: false })
  await logs.send(remove)
  expect(await group()).toBeUndefined()
})

test("a group's tags are listed, added and taken away by its ARN", async () => {
  const arn = (await group())?.arn ?? ''
  const resourceArn = arn.replace(/:\*$/, '')
  const tags = async () => (await logs.send(new ListTagsForResourceCommand({ resourceArn }))).tags
  expect(await tags()).toEqual({ team: 'a' })
  await logs.send(new TagResourceCommand({ resourceArn, tags: { stage: 'test' } }))
  expect(await tags()).toEqual({ team: 'a', stage: 'test' })
  await logs.send(new UntagResourceCommand({ resourceArn, tagKeys: ['team'] }))
  expect(await tags()).toEqual({ stage: 'test' })
})

test('events that a client puts are read back in the order of time', async () => {
  const stream = new CreateLogStreamCommand({ logGroupName, logStreamName: 's' })
  await logs.send(stream)
  expect(await refusalOf(logs.send(stream))).toMatchObject({
    name: 'ResourceAlreadyExistsException',
  })
  await put([
    [3000, 'one'],
    [1000, 'three'],
  ])
  await put([[2000, 'two']])
  expect(await stored()).toEqual(['one', 'two', 'three'])
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }))
  expect(logStreams).toMatchObject([{ logStreamName: 's', storedBytes: 0 }])
  await logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName: 's' }))
  expect(await stored()).toEqual([])
})

test('what is too old or too new is left out and told, the rest is taken', async () => {
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: 's' }))
  const day = 86_400_000
  const old = await put([
    [14.5 * day, 'too old'],
    [13.9 * day, 'old'],
  ])
  expect(old.rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1 })
  const early = await put([
    [0, 'now'],
    [-3 * 3_600_000, 'too new'],
  ])
  expect(early.rejectedLogEventsInfo).toEqual({ tooNewLogEventStartIndex: 1 })
  expect(await stored()).toEqual(['old', 'now'])
})

test.each<[string, readonly (readonly [number, string])[], RegExp]>([
  [
    'out of order',
    [
      [1, 'b'],
      [2, 'a'],
    ],
    /chronological order/,
  ],
  [
    'of more than a day',
    [
      [90_000_000, 'a'],
      [0, 'b'],
    ],
    /span more than 24 hours/,
  ],
  [
    'too large',
    [[1, 'x'.repeat(1_048_576)]],
    /Upload too large: 1048602 bytes exceeds limit of 1048576/,
  ],
  ['empty', [], /logEvents.*greater than or equal to 1/],
])('a batch %s is refused whole', async (_, events, message) => {
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: 's' }))
  expect(await refusalOf(put(events))).toMatchObject({
    name: 'InvalidParameterException',
    message: expect.stringMatching(message),
  })
  expect(await stored()).toEqual([])
})

test('events for a stream that is not there are refused', async () => {
  expect(await refusalOf(put([[0, 'x']]))).toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The specified log stream does not exist.',
  })
})
