// Knows the names of members again, so that each is made into a text once and not with every record.
import { isAscii } from 'node:buffer'

/** Names repeat with each record: each is made into a string once. One place for each length and first letter. */
const names: ({ readonly name: string; readonly bytes: Buffer } | undefined)[] = Array.from({
  length: 32 * 32,
})

/** The name that is there, if it is of AWS's form and one was known in its place or is now. */
export function nameAt(bytes: Buffer, start: number, length: number): string | undefined {
  const first = bytes[start] ?? 0
  if (length === 0 || length >= 32 || start + length > bytes.length) return undefined
  if (first < 0x41 || first > 0x5a) return undefined
  const place = (length << 5) | (first & 31)
  const known = names[place]
  if (known !== undefined) {
    let same = 1
    while (same < length && known.bytes[same] === bytes[start + same]) same += 1
    if (same === length) return known.name
  }
  const own = Buffer.from(bytes.subarray(start, start + length))
  if (!isAscii(own)) return undefined
  const name = own.toString('latin1')
  names[place] = { name, bytes: own }
  return name
}
