// How large the disk is that a directory lies on, and what of it is free.
import { statfs } from 'node:fs/promises'
import { systemCode } from '../../common/errors.ts'

export interface DiskSpace {
  readonly sizeBytes: number
  readonly freeBytes: number
}

/** Undefined where the system cannot tell: that the directory is gone is the log's to report. */
export async function diskSpace(directory: string): Promise<DiskSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(directory)
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize }
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
