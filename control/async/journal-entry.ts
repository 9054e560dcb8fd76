// Writes the entries of the queue's journal as bytes, and reads them back one by one.
import { crc32 } from 'node:zlib'
import { conditions, hearers, type Ending, type QueuedEvent } from './event.ts'

/**
 * ```
 * size of the rest, less these 8 bytes: u32 │ CRC-32 of the rest: u32 │ size of the head: u32 │ head: JSON │ body
 * ```
 * `put` brings an event with its body, or replaces both; `note` replaces what is known of it and leaves
 * the body; `end` says that nothing is left to do.
 */
export type JournalEntry =
  | { readonly kind: 'put'; readonly event: QueuedEvent; readonly body: Buffer }
  | { readonly kind: 'note'; readonly event: QueuedEvent }
  | { readonly kind: 'end'; readonly id: string }

/** Sizes little-endian; before the head. */
const prefixBytes = 12
const checkedFrom = 8

export interface EncodedEntry {
  readonly bytes: Buffer
  /** Where in them the body begins. */
  readonly bodyAt: number
}

export function encodeEntry(entry: JournalEntry): EncodedEntry {
  const { kind } = entry
  const content = kind === 'end' ? { kind, id: entry.id } : { kind, event: entry.event }
  const head = Buffer.from(JSON.stringify(content))
  const body = kind === 'put' ? entry.body : Buffer.alloc(0)
  const bodyAt = prefixBytes + head.length
  const bytes = Buffer.allocUnsafe(bodyAt + body.length)
  bytes.writeUInt32LE(bytes.length - checkedFrom, 0)
  bytes.writeUInt32LE(head.length, 8)
  head.copy(bytes, prefixBytes)
  body.copy(bytes, bodyAt)
  bytes.writeUInt32LE(crc32(bytes.subarray(checkedFrom)), 4)
  return { bytes, bodyAt }
}

export interface DecodedEntry {
  readonly entry: JournalEntry
  /** Of the file. */
  readonly bodyAt: number
  readonly end: number
}

/** The entry at `position` of a file; undefined where there is no whole, sound one. */
export function decodeEntry(file: Buffer, position: number): DecodedEntry | undefined {
  if (file.length - position < prefixBytes) return undefined
  const end = position + checkedFrom + file.readUInt32LE(position)
  const bodyAt = position + prefixBytes + file.readUInt32LE(position + 8)
  if (end > file.length || bodyAt > end) return undefined
  const checked = file.subarray(position + checkedFrom, end)
  if (crc32(checked) !== file.readUInt32LE(position + 4)) return undefined
  const head = parseHead(file.toString('utf8', position + prefixBytes, bodyAt))
  if (head === undefined) return undefined
  const entry = head.kind === 'put' ? { ...head, body: file.subarray(bodyAt, end) } : head
  return { entry, bodyAt, end }
}

type Head =
  | { readonly kind: 'put'; readonly event: QueuedEvent }
  | { readonly kind: 'note'; readonly event: QueuedEvent }
  | { readonly kind: 'end'; readonly id: string }

function parseHead(text: string): Head | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
  if (!isObject(value)) return undefined
  const { kind, id, event } = value
  if (kind === 'end') return typeof id === 'string' ? { kind, id } : undefined
  if (!isEvent(event)) return undefined
  if (kind === 'put') return { kind, event }
  return kind === 'note' ? { kind, event } : undefined
}

function isEvent(value: unknown): value is QueuedEvent {
  if (!isObject(value)) return false
  const { id, functionName, qualifier, ending } = value
  return (
    typeof id === 'string' &&
    typeof functionName === 'string' &&
    (qualifier === undefined || typeof qualifier === 'string') &&
    ['receivedMs', 'hops', 'attempts', 'setbacks', 'dueMs'].every((name) => isCount(value[name])) &&
    (ending === undefined || isEnding(ending))
  )
}

function isEnding(value: unknown): value is Ending {
  if (!isObject(value)) return false
  const { condition, executedVersion, functionError } = value
  return (
    (conditions as readonly unknown[]).includes(condition) &&
    isCount(value['endedMs']) &&
    isCount(value['payloadBytes']) &&
    [executedVersion, functionError].every((v) => v === undefined || typeof v === 'string') &&
    Array.isArray(value['hearers']) &&
    value['hearers'].every((hearer) => (hearers as readonly unknown[]).includes(hearer))
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
