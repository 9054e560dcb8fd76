// Makes deployment packages for tests, sound ones and ones that no packer would write.
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'

export interface ZipEntry {
  readonly name: string
  readonly content?: string | Buffer
  /** Unix mode with its file type; a plain file unless told. */
  readonly mode?: number
}

/** A zip of the given files; a name that ends in `/` is a folder. */
export async function zipOf(...entries: readonly ZipEntry[]): Promise<Buffer> {
  const zip = new ZipFile()
  for (const { name, content = '', mode } of entries) {
    const options = { mtime: new Date(0), ...(mode === undefined ? {} : { mode }) }
    if (name.endsWith('/')) zip.addEmptyDirectory(name, { mtime: new Date(0) })
    else zip.addBuffer(Buffer.from(content), name, options)
  }
  zip.end()
  return buffer(zip.outputStream)
}

/** The same zip with `from` written over by `to`, of the same length, wherever it occurs. */
export function overwritten(zip: Buffer, from: string, to: string): Buffer {
  const bytes = zip.toString('latin1')
  if (from.length !== to.length || !bytes.includes(from)) throw new Error(`no ${from} to replace`)
  return Buffer.from(bytes.replaceAll(from, to), 'latin1')
}

/** The same zip, whose entries claim to be of `sizeBytes` once unpacked. */
export function withDeclaredSize(zip: Buffer, sizeBytes: number): Buffer {
  const copy = Buffer.from(zip)
  // APPNOTE 4.3.12: a central directory header starts PK\1\2; uncompressed size is at 24.
  for (
    let at = copy.indexOf('PK\u0001\u0002');
    at >= 0;
    at = copy.indexOf('PK\u0001\u0002', at + 4)
  ) {
    copy.writeUInt32LE(sizeBytes, at + 24)
  }
  return copy
}
