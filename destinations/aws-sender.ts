// Sends records to SQS, SNS, S3 and EventBridge, on AWS or wherever the SDK's settings point.
import { AppError, reasonOf } from '../common/errors.ts'
import { destinationRequestMaxMs } from '../common/limits.ts'
import { AwsClients } from './aws-client.ts'
import type { Message, Sender } from './sender.ts'
import type { Target } from './target.ts'

export interface AwsSenderOptions {
  /** Of buckets, whose ARN has none. */
  readonly region: string
  /** For one request, once connected. */
  readonly requestMaxMs?: number
}

/** Queues whose URL is known; a URL never changes while its queue exists. */
const queueUrlsMax = 1000

export class AwsSender implements Sender {
  readonly #options: AwsSenderOptions
  readonly #clients: AwsClients
  readonly #queueUrls = new Map<string, string>()

  constructor(options: AwsSenderOptions) {
    this.#options = options
    this.#clients = new AwsClients(options.requestMaxMs ?? destinationRequestMaxMs)
  }

  async send(target: Target, message: Message): Promise<void> {
    try {
      await this.#send(target, message)
    } catch (error) {
      if (error instanceof AppError) throw error
      if (!(error instanceof Error)) throw error
      this.#queueUrls.delete(target.arn)
      const code = isFinal(error) ? 'DESTINATION_REFUSED' : 'DESTINATION_FAILED'
      throw new AppError(code, { destination: target.arn, reason: reasonFor(error) }, error)
    }
  }

  close(): void {
    this.#clients.close()
  }

  async #send(target: Target, message: Message): Promise<void> {
    if (target.kind === 'queue') await this.#toQueue(target, message)
    else if (target.kind === 'topic') await this.#toTopic(target, message)
    else if (target.kind === 'bucket') await this.#toBucket(target, message)
    else if (target.kind === 'bus') await this.#toBus(target, message)
    else {
      const details = { destination: target.arn, reason: 'functions are invoked, not sent to' }
      throw new AppError('DESTINATION_REFUSED', details)
    }
  }

  async #toQueue(target: Target, { body, attributes }: Message): Promise<void> {
    const { SendMessageCommand } = await import('@aws-sdk/client-sqs')
    const client = await this.#clients.get('sqs', target.region)
    await client.send(
      new SendMessageCommand({
        QueueUrl: await this.#queueUrl(target),
        MessageBody: body,
        MessageAttributes: attributesOf(attributes),
      }),
    )
  }

  async #toTopic({ arn, region }: Target, { body, attributes }: Message): Promise<void> {
    const { PublishCommand } = await import('@aws-sdk/client-sns')
    const client = await this.#clients.get('sns', region)
    await client.send(
      new PublishCommand({
        TopicArn: arn,
        Message: body,
        MessageAttributes: attributesOf(attributes),
      }),
    )
  }

  async #toBucket({ name }: Target, { body, objectKey }: Message): Promise<void> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3')
    const client = await this.#clients.get('s3', this.#options.region)
    await client.send(
      new PutObjectCommand({
        Bucket: name,
        Key: objectKey,
        Body: Buffer.from(body),
        ContentType: 'application/json',
      }),
    )
  }

  async #toBus({ arn, region }: Target, { body, busEvent }: Message): Promise<void> {
    const { PutEventsCommand } = await import('@aws-sdk/client-eventbridge')
    const client = await this.#clients.get('eventbridge', region)
    const { Entries } = await client.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: arn,
            Source: 'lambda',
            DetailType: busEvent?.detailType,
            Resources: [arn, ...(busEvent?.resources ?? [])],
            Detail: body,
          },
        ],
      }),
    )
    const [entry] = Entries ?? []
    if (entry?.ErrorCode === undefined) return
    throw new Error(`${entry.ErrorCode}: ${entry.ErrorMessage ?? ''}`)
  }

  async #queueUrl({ arn, region, name, accountId }: Target): Promise<string> {
    const known = this.#queueUrls.get(arn)
    if (known !== undefined) return known
    const { GetQueueUrlCommand } = await import('@aws-sdk/client-sqs')
    const client = await this.#clients.get('sqs', region)
    const { QueueUrl } = await client.send(
      new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: accountId }),
    )
    if (QueueUrl === undefined) throw new Error(`SQS gave no URL for ${arn}`)
    if (this.#queueUrls.size >= queueUrlsMax) this.#queueUrls.clear()
    this.#queueUrls.set(arn, QueueUrl)
    return QueueUrl
  }
}

type Attribute = { DataType: string; StringValue: string }

function attributesOf(attributes: Message['attributes']): Record<string, Attribute> | undefined {
  if (attributes === undefined) return undefined
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      { DataType: typeof value === 'number' ? 'Number' : 'String', StringValue: String(value) },
    ]),
  )
}

/** A status of the caller's fault: the same request will fare no better. Too many or too slow may. */
function isFinal(error: Error): boolean {
  const status = statusOf(error)
  return status !== undefined && status >= 400 && status < 500 && ![408, 425, 429].includes(status)
}

function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error)) return undefined
  const { httpStatusCode } = error.$metadata as { httpStatusCode?: number }
  return httpStatusCode
}

function reasonFor(error: Error): string {
  const text = reasonOf(error)
  return text === '' || text === error.name ? error.name : `${error.name}: ${text}`
}
