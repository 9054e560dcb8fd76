// Sends records to moto's SQS, SNS, S3 and EventBridge, and fetches code from its S3: services not of our making.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns'
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { AwsObjects } from '../../destinations/aws-objects.ts'
import { AwsSender } from '../../destinations/aws-sender.ts'
import { parseTarget, type Target } from '../../destinations/target.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'

const program = new URL('../../.cache/peers/bin/moto_server', import.meta.url).pathname
const region = 'us-east-1'
const place = `${region}:123456789012`
let moto: ChildProcess
let scratch: string
let sender: AwsSender
let own: { region: string; endpoint: string; forcePathStyle: boolean }
let log = ''

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-moto-'))
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  moto = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  moto.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text))
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'any')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any')
  own = { region, endpoint, forcePathStyle: true }
  sender = new AwsSender({ region })
  await eventually(
    () =>
      fetch(`${endpoint}/moto-api/`).then(
        (answer) => (answer.ok ? true : undefined),
        () => undefined,
      ),
    () => `moto answers; ${log}`,
  )
})
afterAll(async () => {
  sender.close()
  vi.unstubAllEnvs()
  moto.kill('SIGTERM')
  await rm(scratch, { recursive: true })
})

const targetOf = (arn: string): Target => {
  const target = parseTarget(arn)
  if (target === undefined) throw new Error(`${arn} is no target`)
  return target
}
const message = { body: '{"text":"grüß"}', objectKey: 'aws/lambda/async/tyres/2026/11/27/a' }

test('a queue has the message, and a topic passes it on to a queue', async () => {
  const client = new SQSClient(own)
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: 'dead' }))
  const read = async (): Promise<{ Body?: string | undefined; attributes: object }[]> => {
    const command = new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] })
    const { Messages = [] } = await client.send(command)
    return Messages.map(({ Body, MessageAttributes = {} }) => ({
      Body,
      attributes: MessageAttributes,
    }))
  }
  const attributes = { RequestID: 'r-1', ErrorCode: 200 }
  await sender.send(targetOf(`arn:aws:sqs:${place}:dead`), { ...message, attributes })
  expect(await read()).toEqual([
    {
      Body: message.body,
      attributes: {
        RequestID: { DataType: 'String', StringValue: 'r-1' },
        ErrorCode: { DataType: 'Number', StringValue: '200' },
      },
    },
  ])
  const topics = new SNSClient(own)
  const { TopicArn } = await topics.send(new CreateTopicCommand({ Name: 'alarm' }))
  const Endpoint = `arn:aws:sqs:${place}:dead`
  await topics.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint }))
  await sender.send(targetOf(`arn:aws:sns:${place}:alarm`), message)
  const [passedOn] = await read()
  expect(JSON.parse(passedOn?.Body ?? '')).toMatchObject({ Message: message.body, TopicArn })
})

test('a bucket has the object, gives code, and a bus takes an event', async () => {
  const client = new S3Client(own)
  await client.send(new CreateBucketCommand({ Bucket: 'records' }))
  await sender.send(targetOf('arn:aws:s3:::records'), message)
  const get = new GetObjectCommand({ Bucket: 'records', Key: message.objectKey })
  expect(await (await client.send(get)).Body?.transformToString()).toBe(message.body)
  await client.send(new PutObjectCommand({ Bucket: 'records', Key: 'code.zip', Body: 'PK' }))
  const objects = new AwsObjects({ region, clock: systemClock })
  const [path, name] = [join(scratch, 'code.zip'), { bucket: 'records', version: undefined }]
  expect(await objects.fetch({ ...name, key: 'code.zip' }, path, 10)).toMatchObject({
    sizeBytes: 2,
  })
  expect(await readFile(path, 'utf8')).toBe('PK')
  expect(await objects.fetch({ ...name, key: 'gone' }, `${path}2`, 10)).toMatchObject({
    code: 'NoSuchKey',
  })
  objects.close()
  const busEvent = { detailType: 'Lambda Function Invocation Result - Success', resources: [] }
  await sender.send(targetOf(`arn:aws:events:${place}:event-bus/default`), { ...message, busEvent })
})

test('what is not there is refused for good', async () => {
  for (const arn of [
    `arn:aws:sqs:${place}:gone`,
    `arn:aws:sns:${place}:gone`,
    'arn:aws:s3:::gone-bucket',
  ]) {
    await expect(sender.send(targetOf(arn), message)).rejects.toMatchObject({
      code: 'DESTINATION_REFUSED',
    })
  }
})
