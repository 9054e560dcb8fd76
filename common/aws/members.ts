// Reads a JSON request by a table of its members: checks JSON types only, ranges come later.
import { ApiError, type Reading } from './api-error.ts'

/** Turns one JSON value into its type, or says as AWS does, and where, that it is of the wrong one. */
export type Member<T> = (value: unknown, at?: string) => Reading<T>

type Mismatch = ApiError<'SerializationException'>

/** The TypeScript type of what a member reads. */
export type MemberValue<M> = M extends Member<infer T> ? Exclude<T, ApiError> : never

type Members = Readonly<Record<string, Member<unknown>>>

/** All members may be absent: which ones are required is a rule, with a text of its own. */
export type StructureValue<M extends Members> = {
  readonly [Name in keyof M]?: MemberValue<M[Name]>
}

export const text: Member<string> = (value, at) =>
  typeof value === 'string' ? value : mismatch(value, 'a String', at)

export const whole: Member<number> = (value, at) =>
  typeof value === 'number' && Number.isSafeInteger(value)
    ? value
    : mismatch(value, 'an Integer', at)

export const decimal: Member<number> = (value, at) =>
  typeof value === 'number' && Number.isFinite(value) ? value : mismatch(value, 'a Double', at)

export const flag: Member<boolean> = (value, at) =>
  typeof value === 'boolean' ? value : mismatch(value, 'a Boolean', at)

/** Epoch seconds in JSON, a Date where the format has times of its own; as milliseconds. */
export const timestamp: Member<number> = (value, at) => {
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.getTime()
  return typeof value === 'number' && Number.isFinite(value)
    ? Math.round(value * 1000)
    : mismatch(value, 'a Timestamp', at)
}

/** Base64 in JSON; other formats and callers inside the process hand over the bytes themselves. */
export const blob: Member<Uint8Array> = (value, at) => {
  if (value instanceof Uint8Array) return value
  if (typeof value !== 'string') return mismatch(value, 'a Blob', at)
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    return serialization('A Blob is not valid Base64', at)
  }
  return Buffer.from(value, 'base64')
}

/** A member that is only looked at to be refused. */
export const anything: Member<unknown> = (value) => value

export function list<T>(element: Member<T>): Member<readonly T[]> {
  return (value, at = '') => {
    if (!Array.isArray(value)) return mismatch(value, 'a List', at)
    const elements: T[] = []
    for (const [index, each] of value.entries()) {
      const read = element(each, `${at}.${index + 1}.member`)
      if (read instanceof ApiError) return read
      elements.push(read)
    }
    return elements
  }
}

export function map<T>(element: Member<T>): Member<Readonly<Record<string, T>>> {
  return (value, at = '') => {
    if (!isObject(value)) return mismatch(value, 'a Map', at)
    // Without a prototype: a key may be `__proto__`.
    const entries = Object.create(null) as Record<string, T>
    for (const [key, each] of Object.entries(value)) {
      const read = element(each, `${at}.${key.slice(0, keyQuotedMaxLength)}.member`)
      if (read instanceof ApiError) return read
      entries[key] = read
    }
    return entries
  }
}

/** Members that the table does not name are passed over, as AWS does; `null` means absent. */
export function structure<M extends Members>(members: M): Member<StructureValue<M>> {
  return (value, at = '') => {
    if (!isObject(value)) return mismatch(value, 'a Structure', at)
    const result: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(members)) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined
      if (given === undefined || given === null) continue
      const read = member(given, at === '' ? wireName(name) : `${at}.${wireName(name)}`)
      if (read instanceof ApiError) return read
      result[name] = read
    }
    return result as StructureValue<M>
  }
}

/** Reads a request's body; an empty one is an empty structure. */
export function readRequest<T>(request: Member<T>, body: Uint8Array): Reading<T> {
  if (body.byteLength === 0) return request({})
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
    const reason = `Could not parse request body into json: ${error.message}`
    return new ApiError('SerializationException', reason)
  }
  return request(parsed)
}

function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  // Of CBOR these two come as they are.
  return !(value instanceof Uint8Array || value instanceof Date)
}

/** How much of a map's key is told back. */
const keyQuotedMaxLength = 100

/** As violations name members: `functionName`. */
function wireName(name: string): string {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}`
}

// AWS's words for the JSON type that it met (Coral's deserializer). AWS does not say where it was.
function mismatch(value: unknown, wanted: string, at?: string): Mismatch {
  if (Array.isArray(value)) return serialization('Start of list found where not expected', at)
  if (isObject(value)) {
    return serialization('Start of structure or map found where not expected.', at)
  }
  if (value instanceof Uint8Array)
    return serialization(`BINARY_VALUE can not be converted to ${wanted}`, at)
  const found =
    typeof value === 'boolean'
      ? `${value ? 'TRUE' : 'FALSE'}_VALUE`
      : typeof value === 'number' || typeof value === 'bigint'
        ? `${typeof value === 'bigint' || Number.isInteger(value) ? 'NUMBER' : 'DECIMAL'}_VALUE`
        : value === null
          ? 'NULL_VALUE'
          : 'STRING_VALUE'
  return serialization(`${found} can not be converted to ${wanted}`, at)
}

function serialization(message: string, at = ''): Mismatch {
  const where = at === '' ? '' : ` (at '${at}')`
  return new ApiError('SerializationException', `${message}${where}`)
}
