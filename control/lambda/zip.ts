// Unpacks a deployment package into an empty directory, and nothing outside of it.
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { fromBufferPromise, openPromise, type Entry, type ZipFile } from 'yauzl'
import {
  codePathMaxBytes,
  codeUnpackedInlineEntriesMax,
  codeUnpackedInlineMaxBytes,
  codeUnzippedMaxBytes,
  codeZipEntriesMax,
} from '../../common/limits.ts'
import { storageFailed, syncDirectory } from '../registry/durable-file.ts'
import { invalidParameter, type LambdaApiError } from './api-errors.ts'

/** What a zip may not be, in Lambda's words where Lambda has some. */
const texts = {
  unreadable: 'Could not unzip uploaded file. Please check your file, then try to upload again.',
  empty: 'Uploaded file must be a non-empty zip',
  size: `Unzipped size must be smaller than ${codeUnzippedMaxBytes} bytes`,
  entries: `The zip must not have more than ${codeZipEntriesMax} entries`,
}

/** Unix file types in the upper half of an entry's attributes; 0 where the packer set none. */
const fileType = { mask: 0o170000, none: 0, regular: 0o100000, directory: 0o040000 }

/**
 * Every entry is judged before the first is written: a path that leaves the directory, a link, a
 * name given twice or too much data refuses the whole. Resolves with undefined when all files are on
 * disk. Rejects with AppError STORAGE_FAILED; what was written until then stays.
 */
export async function unpackZip(
  zip: Uint8Array | string,
  directory: string,
): Promise<LambdaApiError | undefined> {
  const archive = await openZip(zip)
  if (archive === undefined) return invalidParameter(texts.unreadable)
  try {
    return await unpack(archive, directory)
  } finally {
    archive.close()
  }
}

/** Whether unpacking it is much work, by what it says of itself; to refuse it is little. */
export async function isLargeZip(zip: Uint8Array | string): Promise<boolean> {
  const archive = await openZip(zip)
  if (archive === undefined) return false
  try {
    if (archive.entryCount > codeUnpackedInlineEntriesMax) return true
    const entries = await readEntries(archive)
    if (typeof entries === 'string') return false
    const unzippedBytes = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0)
    return unzippedBytes > codeUnpackedInlineMaxBytes && unzippedBytes < codeUnzippedMaxBytes
  } finally {
    archive.close()
  }
}

async function unpack(archive: ZipFile, directory: string): Promise<LambdaApiError | undefined> {
  const entries = await readEntries(archive)
  const refusal = typeof entries === 'string' ? entries : judge(entries)
  if (typeof entries === 'string' || refusal !== undefined) {
    return invalidParameter(refusal ?? texts.unreadable)
  }
  for (const entry of entries) {
    const sound = await writeEntry(archive, entry, join(directory, entry.fileName))
    if (!sound) return invalidParameter(texts.unreadable)
  }
  await syncFolders(directory, entries)
  return undefined
}

// The files were flushed one by one; their names are durable when their folders are: fsync(2).
async function syncFolders(directory: string, entries: readonly Entry[]): Promise<void> {
  for (const folder of foldersOf(entries)) {
    const path = join(directory, folder)
    try {
      await syncDirectory(path)
    } catch (error) {
      throw storageFailed('write', path, error)
    }
  }
}

/** Of a path the file stays open until `close`. What yauzl throws beside the system's errors is about the zip. */
async function openZip(zip: Uint8Array | string): Promise<ZipFile | undefined> {
  const options = { lazyEntries: true, strictFileNames: true, autoClose: false }
  try {
    if (typeof zip === 'string') return await openPromise(zip, options)
    const bytes = Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength)
    return await fromBufferPromise(bytes, options)
  } catch (error) {
    if (!(error instanceof Error) || 'syscall' in error) throw error
    return undefined
  }
}

/** The entries, or why they are refused. */
async function readEntries(archive: ZipFile): Promise<readonly Entry[] | string> {
  if (archive.entryCount === 0) return texts.empty
  if (archive.entryCount > codeZipEntriesMax) return texts.entries
  const entries: Entry[] = []
  try {
    for await (const entry of archive.eachEntry()) {
      entries.push(entry)
      if (entries.length > codeZipEntriesMax) return texts.entries
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return texts.unreadable
  }
  return entries
}

function judge(entries: readonly Entry[]): string | undefined {
  let unzippedBytes = 0
  const files = new Set<string>()
  for (const entry of entries) {
    unzippedBytes += entry.uncompressedSize
    if (unzippedBytes >= codeUnzippedMaxBytes) return texts.size
    if (!entry.canDecodeFileData()) return texts.unreadable
    const reason = judgeEntry(entry)
    if (reason !== undefined) {
      return `Could not unzip uploaded file: entry ${JSON.stringify(entry.fileName)} ${reason}`
    }
    if (isFolder(entry)) continue
    if (files.has(entry.fileName)) return texts.unreadable
    files.add(entry.fileName)
  }
  const folders = foldersOf(entries)
  const isTwice = [...files].some((file) => folders.has(file)) || overlap(entries)
  return isTwice ? texts.unreadable : undefined
}

/** Sizes of a local header without its name (APPNOTE 4.3.7). */
const localHeaderBytes = 30

/**
 * Whether two entries share bytes of the zip: no packer writes that, and a small zip unpacks to a large one by
 * it. A local header may be longer than is counted here, never shorter.
 */
function overlap(entries: readonly Entry[]): boolean {
  const byPlace = entries.toSorted(
    (a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader,
  )
  let freeFrom = 0
  for (const { relativeOffsetOfLocalHeader: at, compressedSize, fileNameLength } of byPlace) {
    if (at < freeFrom) return true
    freeFrom = at + localHeaderBytes + fileNameLength + compressedSize
  }
  return false
}

/** Every folder that the entries name or imply; the root is the empty name. */
function foldersOf(entries: readonly Entry[]): ReadonlySet<string> {
  const folders = new Set([''])
  for (const { fileName } of entries) {
    for (let at = fileName.lastIndexOf('/'); at > 0; at = fileName.lastIndexOf('/', at - 1)) {
      folders.add(fileName.slice(0, at))
    }
  }
  return folders
}

/** What is wrong with one entry, as the end of a sentence. yauzl itself refuses `..` and `/…`. */
function judgeEntry(entry: Entry): string | undefined {
  const parts = entry.fileName.replace(/\/$/, '').split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return 'is not a plain relative path'
  }
  if (entry.fileName.includes('\0')) return 'is not a plain relative path'
  const tooLong =
    Buffer.byteLength(entry.fileName) > codePathMaxBytes ||
    parts.some((part) => Buffer.byteLength(part) > 255)
  if (tooLong) return 'has too long a name'
  const type = (entry.externalFileAttributes >>> 16) & fileType.mask
  const plain = [fileType.none, fileType.regular, fileType.directory].includes(type)
  return plain ? undefined : 'is a link or a device, not a file'
}

function isFolder(entry: Entry): boolean {
  return entry.fileName.endsWith('/')
}

/** False when the data is not what the zip's directory says of it. */
async function writeEntry(archive: ZipFile, entry: Entry, path: string): Promise<boolean> {
  try {
    await mkdir(isFolder(entry) ? path : dirname(path), { recursive: true })
    if (isFolder(entry)) return true
    const source = await archive.openReadStreamPromise(entry)
    // Everyone may read; what the packer made executable stays so (a custom runtime's bootstrap).
    const mode = 0o644 | ((entry.externalFileAttributes >>> 16) & 0o111)
    let sum = 0
    await pipeline(
      source,
      async function* count(chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          sum = crc32(chunk, sum)
          yield chunk
        }
      },
      createWriteStream(path, { flags: 'wx', mode, flush: true }),
    )
    return sum === entry.crc32
  } catch (error) {
    if (!(error instanceof Error)) throw error
    // Only calls of the system carry `syscall`; the rest is zlib or yauzl on a damaged entry.
    if ('syscall' in error) throw storageFailed('write', path, error)
    return false
  }
}
