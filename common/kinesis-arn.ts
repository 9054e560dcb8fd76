// Reads the ARN of a Kinesis stream, or of a consumer with fan-out of one.

export interface KinesisArn {
  /** Of the stream, whichever the ARN is of. */
  readonly streamArn: string
  readonly streamName: string
  readonly region: string
  readonly accountId: string
  /** The ARN itself where it is a consumer's, and the consumer's name. */
  readonly consumerArn?: string
  readonly consumerName?: string
}

/** AWS: names of streams and consumers; a consumer's ARN ends in when it was registered. */
const pattern =
  /^(arn:aws[a-z-]*:kinesis:([a-z0-9-]+):(\d{12}):stream\/([a-zA-Z0-9_.-]{1,128}))(?:\/consumer\/([a-zA-Z0-9_.-]{1,128}):\d+)?$/

/** Undefined for the ARN of anything else. */
export function parseKinesisArn(arn: string): KinesisArn | undefined {
  const match = pattern.exec(arn)
  if (match === null) return undefined
  const [, streamArn = '', region = '', accountId = '', streamName = '', consumerName] = match
  const stream = { streamArn, streamName, region, accountId }
  return consumerName === undefined ? stream : { ...stream, consumerArn: arn, consumerName }
}
