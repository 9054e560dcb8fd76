// Tests that the bodies of puts are read as JSON.parse reads them, or left to it.
import { expect, test } from 'vitest'
import { Base64Place } from '../../../protocol/base64-place.ts'
import { randomFrom, seed } from '../../../test/support/seeded-random.ts'
import { scanPuts } from './put-scan.ts'

/** With data as texts. */
function read(text: string | Buffer): unknown {
  const value = scanPuts(Buffer.from(text))
  if (value === undefined) return undefined
  const members = value as { Data?: unknown; Records?: { Data?: unknown }[] }
  const plain = (of: { Data?: unknown }): object =>
    of.Data instanceof Base64Place ? { ...of, Data: of.Data.toString() } : of
  return members.Records === undefined
    ? plain(members)
    : { ...plain(members), Records: members.Records.map(plain) }
}

const data = Buffer.alloc(1024, 'measured ').toString('base64')
const entry = { Data: data, PartitionKey: 'ü€😀-1', ExplicitHashKey: '12' }
const bodies = [
  { StreamName: 'laps', ...entry, SequenceNumberForOrdering: '49' },
  { StreamARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/laps', Records: [entry, entry] },
  { Records: [], StreamName: 'laps' },
  { Records: [{ Data: '', PartitionKey: '' }], StreamName: '' },
]

test.each(bodies)(
  'a body is what JSON.parse makes of it, with white space or without: %#',
  (body) => {
    for (const text of [JSON.stringify(body), ` ${JSON.stringify(body, null, '\r\n\t ')}\n`]) {
      expect(read(text)).toEqual(body)
    }
  },
)

test('a member that is there twice is the last of them', () => {
  const text = '{"StreamName":"a","StreamName":"b","Data":"YQ==","Data":"Yg=="}'
  expect(read(text)).toEqual(JSON.parse(text))
})

test.each([
  ['an escape', '{"StreamName":"a","Data":"YQ\\/="}'],
  ['another member', '{"StreamName":"a","DryRun":true}'],
  ['a member that objects have', '{"__proto__":"a"}'],
  ['a null', '{"Data":null}'],
  ['a number', '{"PartitionKey":7}'],
  ['records in records', '{"Records":[{"Records":[]}]}'],
  ['a record that is none', '{"Records":[7]}'],
  ['an empty structure', '{}'],
  ['no structure', '[]'],
  ['nothing', ''],
  ['a comma too much', '{"StreamName":"a",}'],
  ['a record too little', '{"Records":[{"Data":"a"},]}'],
  ['something behind it', '{"StreamName":"a"}x'],
  ['a text with a line break', '{"StreamName":"a\nb"}'],
])('%s is left to JSON.parse', (_, text) => {
  expect(read(text)).toBeUndefined()
})

test('what is cut off anywhere is left to JSON.parse', () => {
  for (const body of bodies) {
    const bytes = Buffer.from(JSON.stringify(body))
    for (let end = 0; end < bytes.length; end++)
      expect(read(bytes.subarray(0, end))).toBeUndefined()
  }
})

test(`with bytes changed it is what JSON.parse makes of it, or left to it (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const letters = '{}[]",: \n\\aDE=0-'
  let scanned = 0
  for (let round = 0; round < 20_000; round++) {
    const body = { ...bodies[round % bodies.length] }
    const text = JSON.stringify(body, (name, value: unknown) => (name === 'Data' ? 'YQ==' : value))
    const at = Math.floor(random() * text.length)
    const letter = letters[Math.floor(random() * letters.length)] ?? ''
    const [from, to] = random() < 0.5 ? [at, at + 1] : [at, at]
    const changed = text.slice(0, from) + letter + text.slice(to)
    const found = read(changed)
    if (found === undefined || !changed.isWellFormed()) continue
    scanned += 1
    // A control character in data is found where it is decoded.
    if (/"Data":"[^"]*\n/.test(changed)) continue
    expect(found).toEqual(JSON.parse(changed))
  }
  expect(scanned).toBeGreaterThan(1000)
})
