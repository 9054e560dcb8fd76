// Unpacks a deployment package where it holds nobody up: a large one in a thread that ends with it.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { fromPlain, type PlainError } from '../../common/plain-error.ts'
import { LambdaApiError, type ApiErrorCode } from './api-errors.ts'
import { isLargeZip, unpackZip } from './zip.ts'

/** What the thread is given. */
export interface UnpackingOrder {
  readonly zip: Uint8Array | string
  readonly directory: string
}

/** What the thread tells, once. */
export type Unpacked =
  | { readonly kind: 'unpacked' }
  | { readonly kind: 'refused'; readonly code: ApiErrorCode; readonly message: string }
  | { readonly kind: 'failed'; readonly error: PlainError }

/** As `unpackZip`. Who calls sees to it that there are not many threads at once. */
export async function unpackAside(
  zip: Uint8Array | string,
  directory: string,
): Promise<LambdaApiError | undefined> {
  if (!(await isLargeZip(zip))) return unpackZip(zip, directory)
  const told = await unpackInThread({ zip, directory })
  if (told.kind === 'failed') throw fromPlain(told.error)
  return told.kind === 'refused' ? new LambdaApiError(told.code, told.message) : undefined
}

/** Resolves when the thread is gone, and its memory with it. */
async function unpackInThread(order: UnpackingOrder): Promise<Unpacked> {
  const thread = new Worker(new URL('./unpacking-thread.ts', import.meta.url), {
    workerData: order,
  })
  let told: Unpacked | undefined
  thread.once('message', (message: Unpacked) => (told = message))
  // Rejects with what the thread throws.
  await once(thread, 'exit')
  if (told === undefined) throw new Error('the thread that unpacks ended without a word')
  return told
}
