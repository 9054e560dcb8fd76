// What of the account changes what streams may have: AWS's commitment to a minimum throughput, which is On-demand Advantage.
import { dirname, join } from 'node:path'
import { AppError } from '../../../common/errors.ts'
import { dayMs } from '../../../common/stream-limits.ts'
import { isMissing, replaceFile, type FileSystem } from '../../log/file-system.ts'

/** When it began, and when it ends or has ended; nothing of it before it is made for the first time. */
export interface Commitment {
  readonly startedMs?: number
  readonly endMs?: number
}

export type CommitmentStatus = 'ENABLED' | 'DISABLED' | 'ENABLED_UNTIL_EARLIEST_ALLOWED_END'

/** AWS: it holds for a day at least. */
const commitmentLeastMs = dayMs

export function commitmentStatus(
  { startedMs, endMs }: Commitment,
  nowMs: number,
): CommitmentStatus {
  if (startedMs === undefined) return 'DISABLED'
  if (endMs === undefined) return 'ENABLED'
  return nowMs < endMs ? 'ENABLED_UNTIL_EARLIEST_ALLOWED_END' : 'DISABLED'
}

/** Whoever ends it before its time has it until then, and may take that back. */
export function changedCommitment(
  before: Commitment,
  wanted: 'ENABLED' | 'DISABLED',
  nowMs: number,
): Commitment {
  const { startedMs, endMs } = before
  const isOver = commitmentStatus(before, nowMs) === 'DISABLED'
  if (wanted === 'ENABLED')
    return startedMs === undefined || isOver ? { startedMs: nowMs } : { startedMs }
  if (startedMs === undefined || isOver || endMs !== undefined) return before
  return { startedMs, endMs: Math.max(nowMs, earliestEndMs(startedMs)) }
}

export function earliestEndMs(startedMs: number): number {
  return startedMs + commitmentLeastMs
}

/** Beside the files of streams, whose names end in another way. */
const fileName = 'account.settings'

/** Durable before anybody is told. */
export class AccountSettings {
  readonly #files: FileSystem
  readonly #path: string
  #commitment: Commitment

  private constructor(files: FileSystem, path: string, commitment: Commitment) {
    this.#files = files
    this.#path = path
    this.#commitment = commitment
  }

  /** Rejects with AppError STORAGE_FAILED, or LOG_CORRUPT where the file is none. */
  static async open(files: FileSystem, directory: string): Promise<AccountSettings> {
    const path = join(directory, fileName)
    return new AccountSettings(files, path, await read(files, path))
  }

  get commitment(): Commitment {
    return this.#commitment
  }

  /** Rejects with AppError STORAGE_FAILED. */
  async change(wanted: 'ENABLED' | 'DISABLED', nowMs: number): Promise<Commitment> {
    const changed = changedCommitment(this.#commitment, wanted, nowMs)
    if (changed === this.#commitment) return changed
    const directory = dirname(this.#path)
    await this.#files.makeDirectory(directory)
    await this.#files.syncDirectory(dirname(directory))
    await replaceFile(this.#files, this.#path, Buffer.from(`${JSON.stringify(changed)}\n`))
    this.#commitment = changed
    return changed
  }
}

async function read(files: FileSystem, path: string): Promise<Commitment> {
  let text: string
  try {
    text = (await files.readFile(path)).toString()
  } catch (error) {
    if (isMissing(error)) return {}
    throw error
  }
  const commitment = parse(text)
  if (commitment !== undefined) return commitment
  throw new AppError('LOG_CORRUPT', { file: path, position: 0, reason: 'it has no settings' })
}

function parse(text: string): Commitment | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { startedMs, endMs } = value as Partial<Record<keyof Commitment, unknown>>
  const isTime = (time: unknown): boolean => time === undefined || Number.isSafeInteger(time)
  return isTime(startedMs) && isTime(endMs) ? value : undefined
}
