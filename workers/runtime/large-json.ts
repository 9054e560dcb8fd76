// Parses a large JSON text faster than JSON.parse alone, where most of it is long strings, as in an event of records.

/** Strings from here on are worth being taken out; what a record says beside its data is shorter. */
const longBytes = 512
/** How often a text may go on without a long string before the rest is left to JSON.parse. */
const missesMax = 64

const quote = 0x22
const backslash = 0x5c

/**
 * `bytes` are ASCII. V8 looks at each byte of a string on its own, and a text of more than 128 KB costs fresh pages. So
 * long strings without escapes are taken out first, found by their quotes at the machine's full speed; what is left is
 * parsed with a mark for each, and they are put in their places. Whatever does not come out even is parsed as it is.
 * Deviates from JSON.parse in one thing: a long string may hold control characters that JSON wants escaped.
 * `mark` has no quotes or backslashes, and nobody sees it, so nobody can put it into an event.
 */
export function parseLargeJson(bytes: Buffer, mark: string): unknown {
  const long = findLongStrings(bytes)
  if (long.starts.length < 2) return JSON.parse(bytes.toString('latin1'))
  const strings: string[] = []
  const rest: string[] = []
  let position = 0
  for (const [i, start] of long.starts.entries()) {
    const end = long.ends[i] ?? start
    rest.push(bytes.toString('latin1', position, start), mark, String(i))
    strings.push(bytes.toString('latin1', start, end))
    position = end
  }
  rest.push(bytes.toString('latin1', position))
  const marked = parseOrNothing(rest.join(''))
  const marks = { mark, strings, left: strings.length }
  if (marked !== undefined) fill(marked, marks, 0)
  // A mark was a name, or stood between two strings: the text is not what it was taken for.
  return marks.left === 0 ? marked : JSON.parse(bytes.toString('latin1'))
}

/** Deeper events are left to JSON.parse, which has no stack to fill. */
const depthMax = 100

interface Marks {
  readonly mark: string
  readonly strings: readonly string[]
  left: number
}

function parseOrNothing(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    // Whoever parses it as it is says what is wrong with it.
    return undefined
  }
}

function fill(value: object, marks: Marks, depth: number): void {
  const members = value as Record<string, unknown>
  for (const key of Object.keys(members)) {
    if (marks.left === 0 || depth > depthMax) return
    const member = members[key]
    if (typeof member === 'object' && member !== null) {
      fill(member, marks, depth + 1)
    } else if (typeof member === 'string' && member.startsWith(marks.mark)) {
      members[key] = marks.strings[Number(member.slice(marks.mark.length))]
      marks.left -= 1
    }
  }
}

interface LongStrings {
  /** Positions after the opening quotes, and of the closing ones. */
  readonly starts: number[]
  readonly ends: number[]
}

/**
 * What lies between two neighbouring quotes is a string, or what stands between two strings; the latter, taken out, leaves
 * two strings side by side, which is no JSON. A string with a backslash is left: its quotes may be its own.
 */
function findLongStrings(bytes: Buffer): LongStrings {
  const starts: number[] = []
  const ends: number[] = []
  let marker: Buffer | undefined
  let escape = positionOf(bytes, backslash, 0)
  let misses = 0
  let position = 0
  while (misses < missesMax) {
    let start: number
    if (marker === undefined) {
      const probe = position + longBytes
      if (probe >= bytes.length) break
      start = bytes.lastIndexOf(quote, probe) + 1
    } else {
      // The next record is like the last: its long string has the same name.
      const at = bytes.indexOf(marker, position)
      start = at < 0 ? 0 : at + marker.length
    }
    if (start <= position) {
      if (marker === undefined) position += longBytes
      marker = undefined
      misses += 1
      continue
    }
    const end = bytes.indexOf(quote, start)
    if (end < 0) break
    position = end + 1
    if (escape < start) escape = positionOf(bytes, backslash, start)
    if (end - start < longBytes || escape < end) {
      marker = undefined
      misses += 1
      continue
    }
    starts.push(start)
    ends.push(end)
    marker ??= markerBefore(bytes, start)
    misses = 0
  }
  return { starts, ends }
}

function positionOf(bytes: Buffer, byte: number, from: number): number {
  const position = bytes.indexOf(byte, from)
  return position < 0 ? Infinity : position
}

/** `"name":"`, with what else stands there; undefined where there is none. */
function markerBefore(bytes: Buffer, start: number): Buffer | undefined {
  const named = bytes.subarray(Math.max(0, start - 32), start)
  const colon = named.lastIndexOf(0x3a)
  const nameEnd = colon < 0 ? -1 : named.lastIndexOf(quote, colon)
  const nameStart = nameEnd <= 0 ? -1 : named.lastIndexOf(quote, nameEnd - 1)
  return nameStart < 0 ? undefined : Buffer.from(named.subarray(nameStart))
}
