// Packs a directory into a zip file, so that a version of what runs from it stays as it was published.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemCode } from '../../common/errors.ts'
import { codeZipEntriesMax } from '../../common/limits.ts'

export interface PackedDirectory {
  readonly sha256: string
  readonly sizeBytes: number
}

interface PackedFile {
  readonly path: string
  readonly name: string
  readonly mode: number
}

/** What no handler loads: a repository's history, and the template that deploys the directory. */
const leftOut = new Set(['.git', 'template.yaml', 'template.yml'])

/**
 * Equal files give equal zips. Links are followed, since a package has none; what goes in circles and what is no
 * file is left out; `changed`: a file did while it was read. Rejects with the system's error where something
 * cannot be read.
 */
export async function packDirectory(
  directory: string,
  path: string,
  { maxBytes, except }: { readonly maxBytes: number; readonly except: readonly string[] },
): Promise<PackedDirectory | 'too large' | 'changed'> {
  const files: PackedFile[] = []
  const places = await Promise.all(except.map((each) => realpath(each)))
  const totalBytes = await list(directory, { prefix: '', above: [], files, maxBytes, places })
  if (totalBytes > maxBytes) return 'too large'
  const { ZipFile } = await import('yazl')
  const zip = new ZipFile()
  for (const file of files) {
    zip.addFile(file.path, file.name, { mtime: new Date(0), mode: file.mode, compressionLevel: 1 })
  }
  const output = zip.outputStream as Readable
  let hasChanged = false
  // A file that goes or grows meanwhile; the stream itself would wait for it for ever.
  zip.on('error', (error: Error) => {
    hasChanged = systemCode(error) === undefined
    output.destroy(error)
  })
  zip.end()
  const digest = createHash('sha256')
  let sizeBytes = 0
  try {
    await pipeline(
      output,
      async function* measure(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          sizeBytes += chunk.length
          digest.update(chunk)
          yield chunk
        }
      },
      createWriteStream(path, { flags: 'wx', mode: 0o600 }),
    )
  } catch (error) {
    if (!hasChanged) throw error
    return 'changed'
  }
  return { sha256: digest.digest('base64'), sizeBytes }
}

interface Listing {
  readonly prefix: string
  /** The directories that lie around, by where they really are. */
  readonly above: readonly string[]
  readonly files: PackedFile[]
  readonly maxBytes: number
  /** Directories that are left out, by where they really are. */
  readonly places: readonly string[]
}

/** The bytes of all files below; ends early where there are too many. */
async function list(
  directory: string,
  { prefix, above, files, maxBytes, places }: Listing,
): Promise<number> {
  const place = await realpath(directory)
  if (above.includes(place) || (prefix !== '' && places.includes(place))) return 0
  let totalBytes = 0
  for (const name of (await readdir(directory)).toSorted()) {
    if (prefix === '' && leftOut.has(name)) continue
    const path = join(directory, name)
    const status = await statusOf(path)
    if (status?.isDirectory() === true) {
      const below = { prefix: `${prefix}${name}/`, above: [...above, place], files, places }
      totalBytes += await list(path, { ...below, maxBytes: maxBytes - totalBytes })
    } else if (status?.isFile() === true) {
      totalBytes += status.size
      const mode = (status.mode & 0o111) === 0 ? 0o100644 : 0o100755
      files.push({ path, name: `${prefix}${name}`, mode })
    }
    // More files than a package may have: it is refused with what lies here already.
    if (totalBytes > maxBytes || files.length > codeZipEntriesMax) break
  }
  return totalBytes
}

/** Undefined for a link that leads nowhere. */
async function statusOf(path: string) {
  try {
    return await stat(path)
  } catch (error) {
    if (!['ENOENT', 'ELOOP'].includes(systemCode(error) ?? '')) throw error
    return undefined
  }
}
