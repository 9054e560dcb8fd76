// Tests that what another library writes as Avro is read as the JSON of the same value, and that nothing hurts the reader.
import avro from 'avsc'
import { expect, test } from 'vitest'
import { decodedDepthMax } from '../../common/schema-limits.ts'
import { avroReader } from './avro-json.ts'
import { DecodeError } from './decode-error.ts'

/** As another library writes it. */
function written(schema: unknown, value: unknown): Buffer {
  return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: true }).toBuffer(value)
}

function read(schema: unknown, bytes: Buffer, references: readonly unknown[] = []): string {
  const texts = references.map((reference) => JSON.stringify(reference))
  return avroReader(JSON.stringify(schema), texts)(bytes)
}

const order = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'PAID'] } },
    {
      name: 'lines',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Line',
          fields: [
            { name: 'sku', type: 'string' },
            { name: 'price', type: 'double' },
          ],
        },
      },
    },
    { name: 'tags', type: { type: 'map', values: ['int', 'boolean'] } },
    { name: 'before', type: ['null', 'Order'], default: null },
    { name: 'digest', type: { type: 'fixed', name: 'Digest', size: 2 } },
  ],
}

test('a record of everything becomes JSON, its members in their order and unions as their value', () => {
  const value = {
    id: 5,
    note: { string: 'ü "€" 😀' },
    state: 'PAID',
    lines: [
      { sku: 'a', price: 1.5 },
      { sku: 'b', price: -0.25 },
    ],
    tags: { x: { int: -3 }, y: { boolean: true } },
    before: {
      'shop.Order': {
        id: 4,
        note: null,
        state: 'OPEN',
        lines: [],
        tags: {},
        before: null,
        digest: Buffer.from([0, 1]),
      },
    },
    digest: Buffer.from([0x41, 0xff]),
  }
  expect(read(order, written(order, value))).toBe(
    '{"id":5,"note":"ü \\"€\\" 😀","state":"PAID","lines":[{"sku":"a","price":1.5},{"sku":"b","price":-0.25}],' +
      '"tags":{"x":-3,"y":true},"before":{"id":4,"note":null,"state":"OPEN","lines":[],"tags":{},' +
      '"before":null,"digest":"\\u0000\\u0001"},"digest":"Aÿ"}',
  )
})

test.each<[unknown, unknown, string]>([
  ['null', null, 'null'],
  ['boolean', false, 'false'],
  ['int', -(2 ** 31), '-2147483648'],
  ['long', -(2 ** 52), '-4503599627370496'],
  ['string', '', '""'],
  ['float', Math.fround(0.1), '0.1'],
  ['float', Math.fround(16_777_216), '16777216'],
  ['float', Math.fround(3.402_823_5e38), '3.4028235e+38'],
  ['float', NaN, '"NaN"'],
  ['double', -Infinity, '"-Infinity"'],
  ['double', 1e300, '1e+300'],
  [{ type: 'int', logicalType: 'date' }, 12, '12'],
  [{ type: 'array', items: 'int' }, [1, 2, 3], '[1,2,3]'],
  [{ type: 'array', items: 'null' }, [null, null], '[null,null]'],
  [{ type: 'map', values: 'long' }, {}, '{}'],
  [{ type: 'record', name: 'Empty', fields: [] }, {}, '{}'],
])('%j of %s is %s', (schema, value, json) => {
  const bytes = written(schema, value)
  expect(read(schema, bytes)).toBe(json)
})

test('a long keeps all its digits', () => {
  // 2^63 - 1, which no number of JavaScript is.
  const bytes = Buffer.from('feffffffffffffffff01', 'hex')
  expect(read('long', bytes)).toBe('9223372036854775807')
})

test('a byte array that is all of the schema is written without its length', () => {
  expect(read('bytes', Buffer.from('ab'))).toBe('"ab"')
  expect(read({ type: 'bytes' }, Buffer.alloc(0))).toBe('""')
  expect(read({ type: 'array', items: 'bytes' }, Buffer.from([2, 2, 0x41, 0]))).toBe('["A"]')
})

test('blocks with their length in bytes are read as those without', () => {
  // Two blocks: -1 item of 1 byte, then 1 item.
  expect(read({ type: 'array', items: 'int' }, Buffer.from([1, 2, 6, 2, 8, 0]))).toBe('[3,4]')
})

test('names of other schemas, and of other namespaces, are found', () => {
  const money = {
    type: 'record',
    name: 'bank.Money',
    fields: [{ name: 'cents', type: 'int' }],
  }
  const wallet = {
    type: 'record',
    name: 'Wallet',
    namespace: 'bank',
    fields: [
      { name: 'a', type: 'Money' },
      { name: 'b', type: 'bank.Money' },
    ],
  }
  expect(read(wallet, Buffer.from([2, 4]), [money])).toBe('{"a":{"cents":1},"b":{"cents":2}}')
})

test.each<[string, string, RegExp]>([
  ['no JSON', '{', /is not JSON/],
  ['a number', '5', /a type that is none/],
  ['an unknown name', '"Other"', /no type Other/],
  ['a nameless record', '{"type":"record","fields":[]}', /nameless type/],
  ['a record without fields', '{"type":"record","name":"R"}', /no fields for R/],
  ['a nameless field', '{"type":"record","name":"R","fields":[{"type":"int"}]}', /nameless field/],
  ['an enum without symbols', '{"type":"enum","name":"E"}', /no symbols/],
  ['a fixed without size', '{"type":"fixed","name":"F"}', /no size/],
  ['an endless nesting', `${'['.repeat(5000)}${']'.repeat(5000)}`, /nested too deeply/],
])('%s is no schema', (_, schema, reason) => {
  const attempt = (): unknown => avroReader(schema, [])
  expect(attempt).toThrow(DecodeError)
  expect(attempt).toThrow(reason)
})

test.each<[string, unknown, string, RegExp]>([
  ['half a record', order, '02', /ends too early/],
  ['a text longer than the bytes', 'string', 'fe07', /ends too early/],
  ['a negative length', 'string', '01', /ends too early/],
  ['a branch that there is not', ['null', 'int'], '04', /no such branch/],
  [
    'a symbol that there is not',
    { type: 'enum', name: 'E', symbols: ['A'] },
    '02',
    /no such symbol/,
  ],
  [
    'thousands of millions of nothing',
    { type: 'array', items: 'null' },
    'feffffff0f',
    /more than 1024 items that take no bytes/,
  ],
  [
    'a length beyond all numbers',
    { type: 'array', items: 'int' },
    'feffffffffffffffff01',
    /beyond all bounds/,
  ],
])('%s is refused', (_, schema, hex, reason) => {
  const attempt = (): unknown => read(schema, Buffer.from(hex, 'hex'))
  expect(attempt).toThrow(DecodeError)
  expect(attempt).toThrow(reason)
})

test('nesting ends where the limit is', () => {
  const list = {
    type: 'record',
    name: 'L',
    fields: [{ name: 'n', type: ['null', 'L'] }],
  }
  expect(() => read(list, Buffer.alloc(decodedDepthMax + 5, 2))).toThrow('nested deeper than')
  expect(read(list, Buffer.from([2, 2, 0]))).toBe('{"n":{"n":{"n":null}}}')
})

test('a datum that grows beyond all use is given up before it has grown', () => {
  const fields = Array.from({ length: 1000 }, (_, i) => ({ name: `field${i}`, type: 'null' }))
  const wide = { type: 'array', items: ['int', { type: 'record', name: 'W', fields }] }
  // A byte an item, and 14 KB of JSON each.
  const bytes = Buffer.concat([Buffer.from([0xa0, 0x1f]), Buffer.alloc(2000, 2), Buffer.from([0])])
  expect(() => read(wide, bytes)).toThrow('as JSON it has more than')
})

test('whatever bit is flipped, a record is read or refused', () => {
  const bytes = written(order, {
    id: 300,
    note: { string: 'text' },
    state: 'OPEN',
    lines: [{ sku: 'abc', price: 2 }],
    tags: { k: { int: 1 } },
    before: null,
    digest: Buffer.from([1, 2]),
  })
  const reader = avroReader(JSON.stringify(order), [])
  let refused = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    try {
      JSON.parse(reader(flipped))
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      refused += 1
    }
  }
  expect(refused).toBeGreaterThan(0)
})
