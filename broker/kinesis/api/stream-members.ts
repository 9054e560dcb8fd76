// How requests name their stream, by name or ARN: the members, their rules, and the stream itself.
import { text } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'

export const streamMembers = { StreamName: text, StreamARN: text, StreamId: text } as const

export interface StreamInput {
  readonly StreamName?: string
  readonly StreamARN?: string
  readonly StreamId?: string
}

export const streamNamePattern = '[a-zA-Z0-9_.-]+'
export const streamArnPattern = 'arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+'

/** Adds what is wrong with the members that are there. */
export function checkStream(violations: Violations, { StreamName, StreamARN }: StreamInput): void {
  violations.pattern('streamName', StreamName, streamNamePattern)
  violations.length('streamName', StreamName, [1, 128])
  violations.pattern('streamARN', StreamARN, streamArnPattern)
  violations.length('streamARN', StreamARN, [1, 2048])
}

/** Of a request whose members are sound: by the ARN where it gives one, and then it is that of the name too. */
export function streamNameOf(
  { region, accountId }: Pick<KinesisContext, 'region' | 'accountId'>,
  { StreamName, StreamARN }: StreamInput,
): Outcome<string> {
  if (StreamARN === undefined) {
    return StreamName ?? invalidArgument('Must specify either StreamName or StreamARN')
  }
  const [, arnRegion, account, name = ''] =
    /^arn:aws[^:]*:kinesis:([^:]*):(\d{12}):stream\/(\S+)$/.exec(StreamARN) ?? []
  if (StreamName !== undefined && StreamName !== name) {
    return invalidArgument(`StreamName ${StreamName} is not that of StreamARN ${StreamARN}`)
  }
  if (account !== accountId || arnRegion !== region) return noStream(accountId, name)
  return name
}

export function noStream(accountId: string, name: string): KinesisError {
  const message = `Stream ${name} under account ${accountId} not found.`
  return new KinesisError('ResourceNotFoundException', message)
}

/** AWS answers a call that would succeed so. */
export function dryRun(): KinesisError {
  const message = 'Request would have succeeded, but the DryRun parameter was specified.'
  return new KinesisError('DryRunOperationException', message)
}
