// What end-to-end tests do with the AWS SDK: a client, a zip from text, a function that records.
import { readFile } from 'node:fs/promises'
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  GetEventSourceMappingCommand,
  LambdaClient,
  type CreateEventSourceMappingCommandInput,
  type Runtime,
} from '@aws-sdk/client-lambda'
import { eventually } from './eventually.ts'
import type { Platform } from './platform.ts'
import { zipOf } from './zip-file.ts'

/** The SDK as a user sets it up: an endpoint, any region, any credentials. */
export function lambdaClient(platform: Platform): LambdaClient {
  return new LambdaClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    maxAttempts: 1,
  })
}

/** A zip archive of files given as texts; what names its interpreter is a program. */
export function zipOfTexts(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const entries = Object.entries(files).map(([name, content]) =>
    content.startsWith('#!') ? { name, content, mode: 0o100755 } : { name, content },
  )
  return zipOf(...entries)
}

export interface NewFunction {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly runtime?: Runtime
  readonly handler?: string
  readonly memorySizeMb?: number
  readonly timeoutSeconds?: number
  readonly environment?: Readonly<Record<string, string>>
}

export async function createFunction(client: LambdaClient, options: NewFunction): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: options.name,
      Runtime: options.runtime ?? 'nodejs22.x',
      Handler: options.handler ?? 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/any',
      MemorySize: options.memorySizeMb ?? 256,
      Timeout: options.timeoutSeconds ?? 30,
      Environment: { Variables: { ...options.environment } },
      Code: { ZipFile: await zipOfTexts(options.files) },
    }),
  )
}

/** Of a mapping that reads a topic from its beginning. */
export function fromTopic(
  topic: string,
  address: string,
): Omit<CreateEventSourceMappingCommandInput, 'FunctionName'> {
  return {
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [address] } },
    Topics: [topic],
    StartingPosition: 'TRIM_HORIZON',
  }
}

/** Resolves with its UUID when it reads. */
export async function createMapping(
  client: LambdaClient,
  platform: Platform,
  input: CreateEventSourceMappingCommandInput,
): Promise<string> {
  const { UUID = '' } = await client.send(new CreateEventSourceMappingCommand(input))
  await mappingEnabled(client, platform, UUID)
  return UUID
}

/** Resolves when what it was told last is in effect. */
export async function mappingEnabled(
  client: LambdaClient,
  platform: Platform,
  UUID: string,
): Promise<void> {
  await eventually(
    async () => {
      const { State } = await client.send(new GetEventSourceMappingCommand({ UUID }))
      return State === 'Enabled' ? true : undefined
    },
    () => `the mapping becomes Enabled\n${platform.log().slice(-3000)}`,
  )
}

/** A handler that appends each Kafka record of its event to the file named by `OUT`, a line each. */
export const recordingHandler = `
import { appendFileSync } from 'node:fs'
export const handler = async (event) => {
  const lines = Object.values(event.records).flat().map((record) =>
    JSON.stringify({ ...record, key: record.key && atob(record.key), value: Buffer.from(record.value, 'base64').toString() }))
  appendFileSync(process.env.OUT, lines.join('\\n') + '\\n')
  return { handled: lines.length }
}
`

export interface RecordedLine {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key?: string
  readonly value: string
}

/** What a recording handler has written so far; nothing yet is an empty list. */
export async function readRecorded(file: string): Promise<RecordedLine[]> {
  try {
    const text = await readFile(file, 'utf8')
    // The last line may be half-written while the handler runs.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RecordedLine)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
