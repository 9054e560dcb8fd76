// Catches what a handler writes: console, standard streams and their descriptors; bounds it.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { invocationLogMaxBytes, invocationLogTailBytes } from '../../common/limits.ts'
import type { LogLines } from './log-lines.ts'

/** Lambda's word for each method of the console. */
const consoleLevels = {
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  debug: 'DEBUG',
  trace: 'TRACE',
  fatal: 'FATAL',
} as const

/**
 * Sends output on as it comes, so that a handler which hangs has been heard; after
 * `invocationLogMaxBytes` of one invocation only the end is kept, and handed over with the result.
 */
export class ThreadOutput {
  readonly #send: (text: string, isRaw: boolean) => void
  #left = 0
  #sent = 0
  #late = ''

  constructor(send: (text: string, isRaw: boolean) => void) {
    this.#send = send
  }

  begin(): void {
    this.#left = invocationLogMaxBytes
    this.#sent = 0
    this.#late = ''
  }

  write(text: string, isRaw = false): void {
    if (text.length > this.#left) {
      this.#late = (this.#late + text.slice(-invocationLogTailBytes)).slice(-invocationLogTailBytes)
      return
    }
    this.#left -= text.length
    this.#sent += 1
    this.#send(text, isRaw)
  }

  end(): { logMessages: number; lateOutput: string } {
    return { logMessages: this.#sent, lateOutput: this.#late }
  }
}

/** Takes a message of the console, or with `isRaw` any piece of output. */
type WriteOutput = (text: string, isRaw: boolean) => void

/** Points the console, both streams and descriptors 1 and 2 at `write`. Affects this thread alone. */
export function captureOutput(write: WriteOutput, lines: LogLines): void {
  for (const [method, level] of Object.entries(consoleLevels)) {
    const log = lines.isWritten(level)
      ? (...args: unknown[]): void => write(lines.message(level, args), false)
      : (): void => {}
    Object.assign(console, { [method]: log })
  }
  for (const stream of [process.stdout, process.stderr]) {
    Object.assign(stream, {
      write: (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
        write(textOf(chunk, typeof encoding === 'string' ? encoding : undefined), true)
        callBack(typeof encoding === 'function' ? encoding : callback, null)
        return true
      },
    })
  }
  captureDescriptors(write)
}

// Loggers such as pino write to the descriptors, which belong to the whole process: standard output
// is the platform's, and a closed descriptor's number would go to the next file that it opens.
function captureDescriptors(write: WriteOutput): void {
  const { writeSync, write: writeAsync, closeSync, close } = fs
  const isStandard = (fd: unknown): boolean => fd === 1 || fd === 2
  const take = (data: unknown, args: readonly unknown[]): number => {
    const bytes = bytesOf(data, args)
    write(bytes.toString('utf8'), true)
    return bytes.length
  }
  Object.assign(fs, {
    writeSync: (fd: number, data: unknown, ...args: unknown[]) =>
      isStandard(fd) ? take(data, args) : Reflect.apply(writeSync, fs, [fd, data, ...args]),
    write: (fd: number, data: unknown, ...args: unknown[]) => {
      if (isStandard(fd)) callBack(args.at(-1), null, take(data, args), data)
      else Reflect.apply(writeAsync, fs, [fd, data, ...args])
    },
    closeSync: (fd: number) => (fd <= 2 ? undefined : closeSync(fd)),
    close: (fd: number, callback?: fs.NoParamCallback) =>
      fd <= 2 ? callBack(callback, null) : close(fd, callback),
  })
  syncBuiltinESMExports()
}

function bytesOf(data: unknown, [offset, length]: readonly unknown[]): Buffer {
  if (!ArrayBuffer.isView(data)) return Buffer.from(String(data))
  const start = typeof offset === 'number' ? offset : 0
  const end = typeof length === 'number' ? start + length : data.byteLength
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).subarray(start, end)
}

function textOf(chunk: unknown, encoding: string | undefined): string {
  if (ArrayBuffer.isView(chunk)) return bytesOf(chunk, []).toString('utf8')
  const isBinary = encoding === 'base64' || encoding === 'hex'
  return isBinary ? Buffer.from(String(chunk), encoding).toString('utf8') : String(chunk)
}

function callBack(callback: unknown, ...args: unknown[]): void {
  if (typeof callback !== 'function') return
  process.nextTick(() => Reflect.apply(callback, undefined, args))
}
