// Fetches objects of S3 into files, at most so large.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../common/clock.ts'
import { objectFetchMaxMs, destinationRequestMaxMs } from '../common/limits.ts'
import { AwsClients } from './aws-client.ts'

export interface ObjectName {
  readonly bucket: string
  readonly key: string
  readonly version: string | undefined
}

/** `code` and `message` are the service's, or those of the network. */
export type Fetched =
  | { readonly sha256: string; readonly sizeBytes: number }
  | { readonly code: string; readonly message: string }
  | 'too large'

export interface Objects {
  /** Writes the object to `path`, which may be there in part when it fails. Rejects for the disk alone. */
  fetch(object: ObjectName, path: string, maxBytes: number): Promise<Fetched>
}

export class AwsObjects implements Objects {
  readonly #region: string
  readonly #clock: Clock
  readonly #clients = new AwsClients(destinationRequestMaxMs)

  constructor({ region, clock }: { readonly region: string; readonly clock: Clock }) {
    this.#region = region
    this.#clock = clock
  }

  async fetch(
    { bucket, key, version }: ObjectName,
    path: string,
    maxBytes: number,
  ): Promise<Fetched> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3')
    const client = await this.#clients.get('s3', this.#region)
    const patience = new AbortController()
    const timer = this.#clock.after(objectFetchMaxMs, () => patience.abort())
    try {
      const { Body, ContentLength = 0 } = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: version }),
        { abortSignal: patience.signal },
      )
      if (Body === undefined) return { code: 'NoBody', message: 'The answer has no content.' }
      const content = Body as Readable
      if (ContentLength > maxBytes) {
        content.destroy()
        return 'too large'
      }
      return await save(content, { path, maxBytes, signal: patience.signal })
    } catch (error) {
      // The disk's failures are its owner's; the service's and the network's are an answer.
      if (!(error instanceof Error) || 'path' in error) throw error
      return { code: error.name, message: error.message }
    } finally {
      timer.cancel()
    }
  }

  close(): void {
    this.#clients.close()
  }
}

async function save(
  content: Readable,
  { path, maxBytes, signal }: { path: string; maxBytes: number; signal: AbortSignal },
): Promise<Fetched> {
  const digest = createHash('sha256')
  let sizeBytes = 0
  let isTooLarge = false
  await pipeline(
    content,
    async function* measure(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        sizeBytes += chunk.length
        isTooLarge = sizeBytes > maxBytes
        if (isTooLarge) return
        digest.update(chunk)
        yield chunk
      }
    },
    createWriteStream(path, { flags: 'wx', mode: 0o600 }),
    { signal },
  )
  return isTooLarge ? 'too large' : { sha256: digest.digest('base64'), sizeBytes }
}
