// Tests what the AWS SDK really sends to queues, topics, buckets and buses, and what comes of bad answers.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { AwsReceiver, type Fault, type Service } from '../test/support/aws-receiver.ts'
import { AwsSender } from './aws-sender.ts'
import type { Message } from './sender.ts'
import { parseTarget, type Target } from './target.ts'

let receiver: AwsReceiver
let sender: AwsSender
beforeAll(async () => {
  receiver = await AwsReceiver.start()
  for (const [name, value] of Object.entries(receiver.environment)) vi.stubEnv(name, value)
  sender = new AwsSender({ region: 'us-east-1', requestMaxMs: 300 })
})
beforeEach(() => {
  receiver.received.length = 0
  receiver.faults.clear()
})
afterAll(async () => {
  sender.close()
  vi.unstubAllEnvs()
  await receiver.stop()
})

const place = 'us-east-1:000000000000'
const targetOf = (arn: string): Target => {
  const target = parseTarget(arn)
  if (target === undefined) throw new Error(`${arn} is no target`)
  return target
}
const arns: Record<Service, string> = {
  sqs: `arn:aws:sqs:${place}:dead`,
  sns: `arn:aws:sns:${place}:alarm`,
  s3: 'arn:aws:s3:::records',
  events: `arn:aws:events:${place}:event-bus/default`,
}
const message: Message = {
  body: '{"text":"grüß ☃"}',
  objectKey: 'aws/lambda/async/tyres/2026/11/27/2026-11-27T04.00.00-id',
}

test('a queue gets the body and the attributes with their types, at our endpoint, not its own', async () => {
  const attributes = { RequestID: 'r-1', ErrorCode: 200, ErrorMessage: 'no such tyre' }
  await sender.send(targetOf(arns.sqs), { ...message, attributes })
  expect(receiver.received).toEqual([
    {
      service: 'sqs',
      place: 'http://sqs.internal:9324/000000000000/dead',
      body: message.body,
      attributes: [
        'RequestID: String r-1',
        'ErrorCode: Number 200',
        'ErrorMessage: String no such tyre',
      ],
    },
  ])
  const before = receiver.requests
  await sender.send(targetOf(arns.sqs), message)
  expect(receiver.requests - before).toBe(1)
})

test('a topic gets the same', async () => {
  await sender.send(targetOf(arns.sns), { ...message, attributes: { ErrorCode: 200 } })
  expect(receiver.received).toEqual([
    {
      service: 'sns',
      place: arns.sns,
      body: message.body,
      attributes: ['ErrorCode: Number 200'],
    },
  ])
})

test('a bucket gets an object under its key', async () => {
  await sender.send(targetOf(arns.s3), message)
  expect(receiver.received).toEqual([
    { service: 's3', place: `records/${message.objectKey}`, body: message.body, attributes: [] },
  ])
})

test('a bus gets an event that says what it is', async () => {
  const busEvent = {
    detailType: 'Lambda Function Invocation Result - Success',
    resources: ['arn:aws:lambda:us-east-1:000000000000:function:tyres:$LATEST'],
  }
  await sender.send(targetOf(arns.events), { ...message, busEvent })
  expect(receiver.received).toEqual([
    {
      service: 'events',
      place: arns.events,
      body: message.body,
      attributes: [],
      detail: {
        Source: 'lambda',
        DetailType: busEvent.detailType,
        Resources: [arns.events, ...busEvent.resources],
      },
    },
  ])
})

test.each<[Service, Fault, string]>([
  ['sqs', { status: 500, code: 'InternalError' }, 'DESTINATION_FAILED'],
  ['sns', { status: 503, code: 'ServiceUnavailable' }, 'DESTINATION_FAILED'],
  ['s3', { status: 503, code: 'SlowDown' }, 'DESTINATION_FAILED'],
  ['events', { status: 429, code: 'ThrottlingException' }, 'DESTINATION_FAILED'],
  ['sqs', { status: 400, code: 'QueueDoesNotExist' }, 'DESTINATION_REFUSED'],
  ['sns', { status: 404, code: 'NotFound' }, 'DESTINATION_REFUSED'],
  ['s3', { status: 404, code: 'NoSuchBucket' }, 'DESTINATION_REFUSED'],
  ['events', { status: 400, code: 'ResourceNotFoundException' }, 'DESTINATION_REFUSED'],
  ['sqs', 'hangs', 'DESTINATION_FAILED'],
  ['s3', 'hangs', 'DESTINATION_FAILED'],
])('%s that answers %j is %s', async (service, fault, code) => {
  receiver.faults.set(service, fault)
  const sent = sender.send(targetOf(arns[service]), message)
  await expect(sent).rejects.toMatchObject({
    code,
    retriable: code === 'DESTINATION_FAILED',
    message: expect.stringContaining(arns[service]) as string,
  })
  receiver.faults.clear()
  await sender.send(targetOf(arns[service]), message)
  expect(receiver.received).toHaveLength(1)
})

test('an endpoint where nobody listens has failed, and says so', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', 'http://127.0.0.1:1')
  const lost = new AwsSender({ region: 'us-east-1' })
  await expect(lost.send(targetOf(arns.sqs), message)).rejects.toMatchObject({
    code: 'DESTINATION_FAILED',
    message: expect.stringMatching(/ECONNREFUSED/) as string,
  })
  lost.close()
})
