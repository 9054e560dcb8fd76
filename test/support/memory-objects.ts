// Objects of buckets in memory, in place of S3.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { Fetched, ObjectName, Objects } from '../../destinations/aws-objects.ts'

export class MemoryObjects implements Objects {
  readonly tooLarge = new Set<string>()
  /** Downloads wait for it. */
  gate: Promise<void> = Promise.resolve()
  readonly #objects = new Map<string, Buffer>()

  /** `name` is `bucket/key`. */
  put(name: string, content: Buffer): void {
    this.#objects.set(name, content)
  }

  async fetch({ bucket, key }: ObjectName, path: string): Promise<Fetched> {
    const name = `${bucket}/${key}`
    await this.gate
    if (this.tooLarge.has(name)) return 'too large'
    const content = this.#objects.get(name)
    if (content === undefined) {
      return { code: 'NoSuchKey', message: 'The specified key does not exist.' }
    }
    await writeFile(path, content)
    const sha256 = createHash('sha256').update(content).digest('base64')
    return { sha256, sizeBytes: content.length }
  }
}
