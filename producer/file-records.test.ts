// Tests reading records from NDJSON files and from standard input.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { FileRecords, keyAt } from './file-records.ts'
import type { RecordSource, SourceRecord } from './record-source.ts'

const directory = mkdtempSync(join(tmpdir(), 'producer-'))
afterAll(() => rmSync(directory, { recursive: true }))

let files = 0
function fileOf(content: string | Buffer): string {
  const path = join(directory, `${files++}.ndjson`)
  writeFileSync(path, content)
  return path
}

interface Options {
  readonly stdin?: Readable
  readonly keyPath?: readonly string[]
  readonly loop?: boolean
}

function open(file: string, options: Options = {}): FileRecords {
  const { stdin = Readable.from([]), keyPath = [], loop = false } = options
  return new FileRecords({ file, stdin, keyPath, loop })
}

async function all(source: RecordSource, most = Infinity): Promise<SourceRecord[]> {
  const found: SourceRecord[] = []
  while (found.length < most) {
    const records = await source.take(Math.min(3, most - found.length))
    if (records.length === 0) break
    found.push(...records)
  }
  source.close()
  return found
}

const values = (records: readonly SourceRecord[]): string[] =>
  records.map(({ value }) => value.toString('latin1'))
const keys = (records: readonly SourceRecord[]): (string | null)[] => records.map(({ key }) => key)

test('values are the bytes of the lines, unchanged; empty lines are skipped', async () => {
  const content = Buffer.from('{"a": 1 }\n\n  \t\nnot json \xff\xfe\r\n{"a":2}', 'latin1')
  const records = await all(open(fileOf(content)))
  expect(values(records)).toEqual(['{"a": 1 }', 'not json \xff\xfe', '{"a":2}'])
  expect(keys(records)).toEqual([null, null, null])
})

test('a file larger than a chunk comes out whole and in order', async () => {
  const lines = Array.from(
    { length: 20_000 },
    (_, i) => `{"n":${i},"text":"${'x'.repeat(i % 90)}"}`,
  )
  expect(values(await all(open(fileOf(`${lines.join('\n')}\n`))))).toEqual(lines)
})

test('the key is the value of a field, deep or not', async () => {
  const file = fileOf('{"origin":"DTW","properties":{"net":"ci"}}\n{"origin":7,"properties":{}}\n')
  expect(keys(await all(open(file, { keyPath: ['origin'] })))).toEqual(['DTW', '7'])
  expect(keys(await all(open(file, { keyPath: ['properties', 'net'] })))).toEqual(['ci', null])
})

test('a key is text as it is, anything else as JSON, and nothing where there is none', () => {
  const value = { a: 'x', b: 0, c: false, d: null, e: { f: [1] } }
  const at = (path: string): string | null => keyAt(value, path.split('.'))
  expect(['a', 'b', 'c', 'd', 'e', 'e.f', 'x', 'a.length', 'toString'].map(at)).toEqual([
    'x',
    '0',
    'false',
    null,
    '{"f":[1]}',
    '[1]',
    null,
    null,
    null,
  ])
})

test('a line that is not JSON is named when a key is asked for, after the records before it', async () => {
  const source = open(fileOf('{"k":1}\n\n{"k":2}\n{"k":\n{"k":4}\n'), { keyPath: ['k'] })
  expect(keys(await source.take(10))).toEqual(['1', '2'])
  await expect(source.take(10)).rejects.toThrow(/\.ndjson: line 4 is not JSON: /)
  source.close()
})

test('a line over a mebibyte is named, and the records before it are not lost', async () => {
  const source = open(fileOf(`ok\n${'x'.repeat(1024 * 1024 + 1)}\n`))
  expect(values(await source.take(10))).toEqual(['ok'])
  await expect(source.take(10)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: expect.stringMatching(/: line 2 is longer than 1048576 bytes$/) as string,
  })
  source.close()
})

test.each([
  ['/nonexistent.ndjson', '/nonexistent.ndjson: no such file'],
  [directory, 'it is a directory'],
])('what cannot be read is named: %s', async (file, reason) => {
  await expect((async () => open(file).take(1))()).rejects.toThrow(reason)
})

test('a looped file starts again at its end', async () => {
  const source = open(fileOf('a\nb\nc'), { loop: true })
  expect(values(await all(source, 8))).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b'])
})

test('an empty file is over at once, and cannot be looped', async () => {
  expect(await all(open(fileOf('\n\n')))).toEqual([])
  const source = open(fileOf('\n\n'), { loop: true })
  await expect(source.take(1)).rejects.toThrow('has no records to loop over')
  source.close()
})

test('standard input is handed on as it arrives', async () => {
  const stdin = new PassThrough()
  const source = open('-', { stdin })
  stdin.write('a\nb\nhalf')
  expect(values(await source.take(1000))).toEqual(['a', 'b'])
  stdin.end(' and whole')
  expect(values(await source.take(1000))).toEqual(['half and whole'])
  expect(await source.take(1000)).toEqual([])
})

test('closing ends a take that waits for input', async () => {
  const source = open('-', { stdin: new PassThrough() })
  const waiting = source.take(1)
  source.close()
  expect(await waiting).toEqual([])
})
