// Archives a stream as Firehose does: each batch becomes prefix/YYYY/MM/DD/HH/….gz in S3 or in a directory.
//
// ARCHIVE_BUCKET names a bucket (AWS_ENDPOINT_URL_S3 another S3 than AWS's), ARCHIVE_DIRECTORY a directory in its place;
// ARCHIVE_PREFIX goes before the date. A batch that is delivered again gets the same names, and replaces what is there.
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { deaggregate, type KinesisEvent, type UserRecord } from './deaggregate.ts'

type Store = (key: string, body: Buffer) => Promise<void>

const compress = promisify(gzip)
let store: Promise<Store> | undefined

/** Resolves once every record of the batch is stored; otherwise the batch is delivered again. */
export async function handler(event: KinesisEvent): Promise<{ objects: number; records: number }> {
  store ??= open()
  const put = await store
  const records = deaggregate(event)
  const hours = Map.groupBy(records, ({ arrivalMs }) => hourOf(arrivalMs))
  for (const [hour, part] of hours) {
    const key = `${process.env['ARCHIVE_PREFIX'] ?? ''}${hour}/${nameOf(part)}`
    await put(key, await compress(linesOf(part)))
  }
  console.log(`${records.length} records archived in ${hours.size} objects`)
  return { objects: hours.size, records: records.length }
}

/** `2026/11/27/12`, in UTC as Firehose's. */
function hourOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/')
}

/** The stream, when its first record arrived, and which record that was. */
function nameOf([first]: readonly UserRecord[]): string {
  if (first === undefined) throw new Error('a group has records')
  const { eventSourceARN, eventID } = first.source
  const stream = /:stream\/([^/]+)/.exec(eventSourceARN)?.[1] ?? 'stream'
  const time = new Date(first.arrivalMs).toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')
  return `${stream}-${time}-${eventID.replace(':', '-')}.gz`
}

/** A line each: a record that does not end one is given an end. */
function linesOf(records: readonly UserRecord[]): Buffer {
  const newline = Buffer.from('\n')
  return Buffer.concat(
    records.flatMap(({ data }) => (data.at(-1) === newline[0] ? [data] : [data, newline])),
  )
}

async function open(): Promise<Store> {
  const { ARCHIVE_BUCKET: bucket, ARCHIVE_DIRECTORY: directory } = process.env
  if (bucket !== undefined && bucket !== '') return bucketStore(bucket)
  if (directory === undefined || directory === '') {
    throw new Error('set ARCHIVE_BUCKET or ARCHIVE_DIRECTORY')
  }
  return async (key, body) => {
    const path = join(directory, key)
    await mkdir(dirname(path), { recursive: true })
    // Whole or not at all, and on the disk before the batch counts as done.
    await writeFile(`${path}.part`, body, { flush: true })
    await rename(`${path}.part`, path)
  }
}

/** Lambda brings the SDK along; elsewhere it has to be installed beside the function. */
async function bucketStore(bucket: string): Promise<Store> {
  const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3')
  // Any other S3 is addressed by path as a rule.
  const isElsewhere =
    process.env['AWS_ENDPOINT_URL_S3'] !== undefined ||
    process.env['AWS_ENDPOINT_URL'] !== undefined
  const client = new S3Client({ forcePathStyle: isElsewhere })
  return async (key, body) => {
    const type = { ContentType: 'application/x-ndjson', ContentEncoding: 'gzip' }
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...type }))
  }
}
