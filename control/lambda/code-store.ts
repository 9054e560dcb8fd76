// Keeps functions' code: each package unpacked once, in a directory named after its digest.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError, reasonOf, systemCode } from '../../common/errors.ts'
import { codeUnzippedMaxBytes, codeZipMaxBytes } from '../../common/limits.ts'
import type { ObjectName, Objects } from '../../destinations/aws-objects.ts'
import {
  storageFailed,
  syncDirectory,
  temporaryPrefix as writingPrefix,
  writeDurably,
} from '../registry/durable-file.ts'
import type { FunctionCode } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import { packDirectory } from './directory-zip.ts'
import type { CodeInput } from './requests.ts'
import { Serial } from './serial.ts'
import { unpackAside } from './unpacking.ts'

/** The bucket that stands for "run my directory as it is", as LocalStack's users know it. */
export const hotReloadBucket = 'hot-reload'

/** A package's directory, and the zip that it came in. */
const digestName = /^[0-9a-f]{64}(\.zip)?$/
/** What is not whole yet lies under such a name, and goes with the next start after a crash. */
export const temporaryPrefix = '.unpacking-'

/** A package that came from a bucket, in a file that goes when its request is over. */
export interface DownloadedCode {
  readonly path: string
  readonly sha256: string
  readonly sizeBytes: number
}

/** A directory under its final name is complete and on disk: it got there by one rename. */
export class CodeStore {
  readonly #dataDir: string
  readonly #directory: string
  readonly #objects: Objects
  /** One download at a time: each may take a disk's room of 250 MB, and a minute. */
  readonly #downloads = new Serial()
  readonly #underWay = new Set<Promise<unknown>>()

  /** Code lies in `<dataDir>/functions/<sha256 in hex>/`. */
  constructor(dataDir: string, objects: Objects) {
    this.#objects = objects
    this.#dataDir = resolve(dataDir)
    this.#directory = join(this.#dataDir, 'functions')
  }

  /**
   * Downloads the code of a request that lies in a bucket, for `use`, which hands it to `store` and has the turn
   * of no other change until then. Rejects with AppError STORAGE_FAILED.
   */
  async withDownload<T>(
    input: CodeInput,
    use: (downloaded: DownloadedCode | undefined) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { S3Bucket: bucket, S3Key: key, S3ObjectVersion: version } = input
    const isInBucket = input.ZipFile === undefined && bucket !== undefined && key !== undefined
    if (!isInBucket || bucket === hotReloadBucket) return use(undefined)
    const work = this.#withObject({ bucket, key, version }, use)
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  /** Resolves when what is being downloaded now is there and used. */
  async downloaded(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }

  /** Takes the code of a request in. Rejects with AppError STORAGE_FAILED. */
  async store(input: CodeInput, downloaded?: DownloadedCode): Promise<Outcome<FunctionCode>> {
    if (downloaded !== undefined) {
      return this.#install(downloaded.path, downloaded, (file) =>
        moveDurably(downloaded.path, file),
      )
    }
    if (input.ZipFile !== undefined) {
      if (input.S3Bucket !== undefined || input.S3Key !== undefined) {
        return invalidParameter('Please do not provide other FunctionCode parameters with ZipFile.')
      }
      return this.#unpack(input.ZipFile)
    }
    if (input.S3Bucket === hotReloadBucket) return hotReload(input.S3Key)
    return invalidParameter(
      `Code is missing: give ZipFile, S3Bucket with S3Key, or S3Bucket ${hotReloadBucket} with the ` +
        'absolute path of a local directory as S3Key.',
    )
  }

  /** A copy of what lies in a directory that runs as it is. Rejects with AppError STORAGE_FAILED. */
  async snapshot(directory: string): Promise<Outcome<FunctionCode>> {
    await makeDirectory(this.#directory)
    const path = join(this.#directory, `${temporaryPrefix}${randomUUID()}.zip`)
    try {
      // Beside the code, where `--data-dir` has it by default, what we keep ourselves is no part of it.
      const except = [this.#dataDir, this.#directory]
      const packed = await packDirectory(directory, path, {
        maxBytes: codeUnzippedMaxBytes,
        except,
      })
      if (packed === 'too large') {
        return invalidParameter(
          `${directory} cannot be published: it is larger than ${codeUnzippedMaxBytes} bytes.`,
        )
      }
      if (packed === 'changed') {
        return invalidParameter(`${directory} cannot be published: it changed while it was read.`)
      }
      return await this.#install(path, packed, (file) => moveDurably(path, file))
    } catch (error) {
      if (systemCode(error) === undefined || error instanceof AppError) throw error
      return invalidParameter(`${directory} cannot be published: ${reasonOf(error)}`)
    } finally {
      await rm(path, { force: true })
    }
  }

  /** Where the code of a digest (base64, as `CodeSha256`) lies. */
  directoryOf(sha256: string): string {
    return join(this.#directory, Buffer.from(sha256, 'base64').toString('hex'))
  }

  /** Removes every package that is not among `used`, and what a crash left half unpacked. */
  async sweep(used: Iterable<FunctionCode>): Promise<void> {
    const kept = new Set([...used].map(({ directory }) => directory))
    for (const name of await this.#names()) {
      const path = join(this.#directory, name)
      const unfinished = name.startsWith(temporaryPrefix) || name.startsWith(writingPrefix)
      const ours = digestName.test(name) || unfinished
      if (ours && !kept.has(path.replace(/\.zip$/, '')))
        await rm(path, { recursive: true, force: true })
    }
  }

  /** Removes one package; a directory of the user's is left alone. */
  async remove(code: FunctionCode): Promise<void> {
    if (code.kind !== 'zip') return
    await rm(code.directory, { recursive: true, force: true })
    await rm(zipFileOf(code.directory), { force: true })
  }

  /** The package of a digest in hex as it came, to be read or destroyed; undefined where there is none. */
  async zipOf(
    hex: string,
  ): Promise<{ readonly content: Readable; readonly sizeBytes: number } | undefined> {
    const path = zipFileOf(join(this.#directory, hex))
    try {
      const file = await open(path)
      try {
        return { sizeBytes: (await file.stat()).size, content: file.createReadStream() }
      } catch (error) {
        await file.close()
        throw error
      }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw storageFailed('read', path, error)
    }
  }

  async #withObject<T>(
    object: ObjectName,
    use: (downloaded: DownloadedCode) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    await makeDirectory(this.#directory)
    const path = join(this.#directory, `${temporaryPrefix}${randomUUID()}.zip`)
    try {
      const downloaded = await this.#downloads.run(() => this.#download(object, path))
      return downloaded instanceof LambdaApiError ? downloaded : await use(downloaded)
    } finally {
      await rm(path, { force: true })
    }
  }

  /** Lambda bounds a zip of a bucket by what it unpacks to; it cannot be larger than that. */
  async #download(object: ObjectName, path: string): Promise<Outcome<DownloadedCode>> {
    try {
      const fetched = await this.#objects.fetch(object, path, codeUnzippedMaxBytes)
      if (fetched === 'too large') {
        return invalidParameter(`Unzipped size must be smaller than ${codeUnzippedMaxBytes} bytes`)
      }
      if ('code' in fetched) {
        const { code, message } = fetched
        return invalidParameter(
          `Error occurred while GetObject. S3 Error Code: ${code}. S3 Error Message: ${message}`,
        )
      }
      return { path, ...fetched }
    } catch (error) {
      if (systemCode(error) === undefined || error instanceof AppError) throw error
      throw storageFailed('write', path, error)
    }
  }

  async #unpack(zip: Uint8Array): Promise<Outcome<FunctionCode>> {
    if (zip.byteLength > codeZipMaxBytes) {
      const text = `Zipped size must be at most ${codeZipMaxBytes} bytes`
      return new LambdaApiError('RequestTooLargeException', text)
    }
    const sha256 = createHash('sha256').update(zip).digest('base64')
    const content = { sha256, sizeBytes: zip.byteLength }
    return this.#install(zip, content, (file) => writeDurably(file, zip))
  }

  /** `keep` puts the zip as it came under a name of its own. */
  async #install(
    zip: Uint8Array | string,
    { sha256, sizeBytes }: { readonly sha256: string; readonly sizeBytes: number },
    keep: (file: string) => Promise<void>,
  ): Promise<Outcome<FunctionCode>> {
    const directory = this.directoryOf(sha256)
    const code: FunctionCode = { kind: 'zip', directory, sha256, sizeBytes }
    if (await isDirectory(directory)) {
      // Of a version that did not keep it.
      if (!(await isFile(zipFileOf(directory)))) await keep(zipFileOf(directory))
      return code
    }
    const temporary = join(this.#directory, `${temporaryPrefix}${randomUUID()}`)
    try {
      await makeDirectory(temporary)
      const refusal = await unpackAside(zip, temporary)
      if (refusal !== undefined) return refusal
      await this.#fencePackageType()
      // First the zip: a directory under its name says that all is there.
      await keep(zipFileOf(directory))
      await moveIntoPlace(temporary, directory)
      return code
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }

  /**
   * Node looks for the type of a `.js` file in every directory above it: a data directory inside a
   * repository of `"type": "module"` must not turn a function's CommonJS into modules.
   */
  async #fencePackageType(): Promise<void> {
    const path = join(this.#directory, 'package.json')
    try {
      await writeFile(path, '{}\n')
    } catch (error) {
      throw storageFailed('write', path, error)
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return []
      throw storageFailed('read', this.#directory, error)
    }
  }
}

function zipFileOf(directory: string): string {
  return `${directory}.zip`
}

export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    throw storageFailed('create', path, error)
  }
}

export async function moveIntoPlace(temporary: string, directory: string): Promise<void> {
  try {
    await rename(temporary, directory)
    await syncDirectory(resolve(directory, '..'))
  } catch (error) {
    throw storageFailed('write', directory, error)
  }
}

async function moveDurably(from: string, to: string): Promise<void> {
  try {
    const handle = await open(from, 'r+')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw storageFailed('write', from, error)
  }
  await moveIntoPlace(from, to)
}

async function hotReload(directory: string | undefined): Promise<Outcome<FunctionCode>> {
  if (directory === undefined || !isAbsolute(directory)) {
    return invalidParameter(
      `With bucket ${hotReloadBucket}, S3Key must be the absolute path of a local directory.`,
    )
  }
  if (!(await isDirectory(directory))) {
    return invalidParameter(
      `With bucket ${hotReloadBucket}, S3Key must be a directory: ${directory} is none.`,
    )
  }
  return { kind: 'hot-reload', directory: resolve(directory) }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    return false
  }
}

export async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    // A path of the user's: absent, not ours to read, or no path at all.
    if (systemCode(error) === undefined) throw error
    return false
  }
}
