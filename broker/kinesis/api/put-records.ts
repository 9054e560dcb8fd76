// PutRecord and PutRecords: acknowledged means as durable as the store's policy says.
//
// Records of a request that go to one shard are one batch, in their order; PutRecords promises no more than AWS, where a shard
// that fails or is too busy fails its own records alone. SequenceNumberForOrdering is checked and needs nothing: a shard's records are
// in the order of their answers anyway. Sizes count data without keys, as AWS's texts say; of the whole request data and keys.
import { flag, list, structure, text, type MemberValue } from '../../../common/aws/members.ts'
import { Violations } from '../../../common/aws/validation.ts'
import { kinesisEntriesMax, kinesisRequestMaxBytes } from '../../../common/kinesis-limits.ts'
import {
  decodeSequenceNumber,
  sequenceNumberPattern,
} from '../../../kinesis-wire/sequence-number.ts'
import type { Stream } from '../streams/stream.ts'
import { findStream } from './find-stream.ts'
import { WrittenAnswer, type Handler } from './kinesis-context.ts'
import { invalidArgument, KinesisError } from './kinesis-errors.ts'
import { checkEntry, dataTooLong, isPlain, putEntry, type PutEntry } from './put-entry.ts'
import { putEntries, type Placed } from './put-plan.ts'
import { encryptionOf } from './read-record.ts'
import { checkStream, dryRun, streamMembers } from './stream-members.ts'

const putMembers = structure({
  ...streamMembers,
  SequenceNumberForOrdering: text,
  DryRun: flag,
})

/** The entry's members lie beside the others. */
export const putRecordInput = (value: unknown, at?: string) => {
  const rest = putMembers(value, at)
  if (rest instanceof KinesisError) return rest
  const entry = putEntry(value, at)
  return entry instanceof KinesisError ? entry : { ...rest, entry }
}
type PutRecordInput = Exclude<ReturnType<typeof putRecordInput>, KinesisError>

export const putRecord: Handler<PutRecordInput> = async (context, input, call) => {
  const { entry, SequenceNumberForOrdering: ordering } = input
  const violations = new Violations()
  checkStream(violations, input)
  checkEntry(violations, entry, '')
  violations.pattern('sequenceNumberForOrdering', ordering, sequenceNumberPattern)
  const stream = violations.error() ?? (await findStream(context, input))
  if (stream instanceof KinesisError) return stream
  const flaw = flawOf(stream, [entry], () => '')
  if (flaw !== undefined) return flaw
  if (ordering !== undefined && !isOfThePast(ordering, context.clock.now())) {
    return invalidArgument(
      `ExclusiveMinimumSequenceNumber ${ordering} used in PutRecord on stream ${stream.name} ` +
        `under account ${context.accountId} is invalid.`,
    )
  }
  if (input.DryRun === true) return dryRun()
  const placed = await putEntries(context, stream, [entry])
  if (placed instanceof KinesisError) return placed
  const [outcome] = placed
  stream.counters.called('PutRecord', outcome?.ok === true, call.elapsedSeconds())
  if (outcome?.ok === true) stream.counters.putBytes.PutRecord += entry.dataBytes + entry.keyBytes
  if (outcome?.ok !== true) {
    const { code, message } = outcome ?? { code: 'InternalFailure', message: '' }
    return new KinesisError(code, message)
  }
  const { shardId: ShardId, sequenceNumber: SequenceNumber } = outcome
  const EncryptionType = encryptionOf(stream)
  if (call.format !== 'json') return { ShardId, SequenceNumber, EncryptionType }
  return written(
    `{"ShardId":"${ShardId}","SequenceNumber":"${SequenceNumber}"${encrypted(stream)}}`,
  )
}

export const putRecordsInput = structure({
  ...streamMembers,
  Records: list(putEntry),
  DryRun: flag,
})

export const putRecords: Handler<MemberValue<typeof putRecordsInput>> = async (
  context,
  input,
  call,
) => {
  const { Records: entries } = input
  const violations = new Violations()
  checkStream(violations, input)
  violations.required('records', entries)
  if (entries !== undefined) checkEntries(violations, entries)
  const stream = violations.error() ?? (await findStream(context, input))
  if (stream instanceof KinesisError) return stream
  if (entries === undefined) return undefined
  const flaw = flawOf(stream, entries, (index) => `records.${index + 1}.member.`)
  if (flaw !== undefined) return flaw
  if (input.DryRun === true) return dryRun()
  const placed = await putEntries(context, stream, entries)
  if (placed instanceof KinesisError) return placed
  count(stream, { entries, placed, seconds: call.elapsedSeconds() })
  return call.format === 'json' ? written(textOf(stream, placed)) : valueOf(stream, placed)
}

interface PutCall {
  readonly entries: readonly PutEntry[]
  readonly placed: readonly Placed[]
  readonly seconds: number
}

/** AWS: a call succeeds with one record that does. */
function count({ counters }: Stream, { entries, placed, seconds }: PutCall): void {
  const failed = failures(placed)
  counters.called('PutRecords', failed < placed.length, seconds)
  for (const [index, { dataBytes, keyBytes }] of entries.entries()) {
    if (placed[index]?.ok === true) counters.putBytes.PutRecords += dataBytes + keyBytes
  }
  counters.putRecords.succeeded += placed.length - failed
  if (failed === 0) return
  const throttled = placed.filter(
    (outcome) => !outcome.ok && outcome.code === 'ProvisionedThroughputExceededException',
  ).length
  counters.putRecords.throttled += throttled
  counters.putRecords.failed += failed - throttled
}

function checkEntries(violations: Violations, entries: readonly PutEntry[]): void {
  if (entries.length === 0 || entries.length > kinesisEntriesMax) {
    const bound =
      entries.length === 0
        ? 'greater than or equal to 1'
        : `less than or equal to ${kinesisEntriesMax}`
    violations.violated('records', `Member must have length ${bound}`)
    return
  }
  for (const [index, entry] of entries.entries()) {
    if (!isPlain(entry)) checkEntry(violations, entry, `records.${index + 1}.member.`)
  }
}

/** What the stream has against records that are sound by themselves. */
function flawOf(
  { record }: Stream,
  entries: readonly PutEntry[],
  prefixOf: (index: number) => string,
): KinesisError | undefined {
  const violations = new Violations()
  const isDistributing = record.distribution === 'AUTO'
  const recordMaxBytes = record.recordMaxKiB * 1024
  let bytes = 0
  for (const [index, { dataBytes, keyBytes, partitionKey }] of entries.entries()) {
    bytes += dataBytes + keyBytes
    if (dataBytes > recordMaxBytes) dataTooLong(violations, prefixOf(index), recordMaxBytes)
    if (partitionKey !== undefined || isDistributing) continue
    violations.required(`${prefixOf(index)}partitionKey`, partitionKey)
  }
  const violated = violations.error()
  if (violated !== undefined || bytes <= kinesisRequestMaxBytes) return violated
  return invalidArgument(`Records size exceeds ${kinesisRequestMaxBytes / 1024 ** 2} MB limit`)
}

function isOfThePast(sequenceNumber: string, nowMs: number): boolean {
  const parts = decodeSequenceNumber(sequenceNumber)
  return parts !== undefined && parts.recordSecs * 1000 <= nowMs
}

function failures(placed: readonly Placed[]): number {
  let count = 0
  for (const { ok } of placed) if (!ok) count += 1
  return count
}

/** Ids, numbers and codes need no escape. */
function textOf(stream: Stream, placed: readonly Placed[]): string {
  let records = ''
  for (const outcome of placed) {
    if (records !== '') records += ','
    records += outcome.ok
      ? `{"SequenceNumber":"${outcome.sequenceNumber}","ShardId":"${outcome.shardId}"}`
      : `{"ErrorCode":"${outcome.code}","ErrorMessage":${JSON.stringify(outcome.message)}}`
  }
  return `{"FailedRecordCount":${failures(placed)},"Records":[${records}]${encrypted(stream)}}`
}

function valueOf(stream: Stream, placed: readonly Placed[]): object {
  return {
    FailedRecordCount: failures(placed),
    Records: placed.map((outcome) =>
      outcome.ok
        ? { SequenceNumber: outcome.sequenceNumber, ShardId: outcome.shardId }
        : { ErrorCode: outcome.code, ErrorMessage: outcome.message },
    ),
    EncryptionType: encryptionOf(stream),
  }
}

function encrypted(stream: Stream): string {
  const encryption = encryptionOf(stream)
  return encryption === undefined ? '' : `,"EncryptionType":"${encryption}"`
}

function written(text: string): WrittenAnswer {
  return new WrittenAnswer([Buffer.from(text)])
}
