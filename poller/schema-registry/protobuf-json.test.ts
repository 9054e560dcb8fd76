// Tests that protobuf messages become ProtoJSON, whichever message of whichever file they are.
import protobuf from 'protobufjs'
import descriptor, { type IFileDescriptorSet } from 'protobufjs/ext/descriptor.js'
import { expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { protobufReader } from './protobuf-json.ts'

const units = `syntax = "proto3"; package shop; message Money { sint64 cents = 1; string currency_code = 2; }`
const orders = `
syntax = "proto3";
package shop.orders;
import "units.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message Ignored { int32 x = 1; }
message Order {
  message Line { string sku = 1; float weight = 2; }
  enum State { OPEN = 0; PAID = 1; }
  int64 id = 1;
  State state = 2;
  repeated Line order_lines = 3;
  map<string, double> rates = 4;
  bytes raw = 5;
  shop.Money total = 6;
  google.protobuf.Timestamp placed_at = 7;
  google.protobuf.BoolValue gift = 8;
  optional int32 floor = 9;
  oneof way { string pickup = 10; int32 ship = 11; }
}
message Last { int32 y = 1; }
`
const references = [{ name: 'units.proto', text: units }]

const root = new protobuf.Root()
protobuf.parse(units, root, { keepCase: true })
protobuf.parse(orders, root, { keepCase: true })
for (const name of ['timestamp', 'wrappers']) {
  root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {})
}
root.resolveAll()

function written(type: string, value: Record<string, unknown>, ...indexes: number[]): Buffer {
  const of = root.lookupType(type)
  const message = of.encode(of.fromObject(value)).finish()
  return Buffer.concat([Buffer.from(indexes.map((index) => index * 2)), message])
}

const order = {
  id: '9007199254740993',
  state: 1,
  order_lines: [{ sku: 'a', weight: 0.1 }, {}],
  rates: { a: NaN, b: 1.5 },
  raw: Buffer.from([1, 255]),
  total: { cents: -5, currency_code: 'EUR' },
  placed_at: { seconds: 1, nanos: 5e6 },
  gift: { value: false },
  floor: 0,
  ship: 0,
}
const orderJson =
  '{"id":"9007199254740993","state":"PAID","orderLines":[{"sku":"a","weight":0.1},{}],' +
  '"rates":{"a":"NaN","b":1.5},"raw":"Af8=","total":{"cents":"-5","currencyCode":"EUR"},' +
  '"placedAt":"1970-01-01T00:00:01.005Z","gift":false,"floor":0,"ship":0}'

test('a message of everything becomes ProtoJSON', () => {
  const read = protobufReader(orders, references)
  expect(read(written('shop.orders.Order', order, 1, 1))).toBe(orderJson)
})

test('indexes lead to each message of the file, and to those inside', () => {
  const read = protobufReader(orders, references)
  expect(read(written('shop.orders.Ignored', { x: 1 }, 0))).toBe('{"x":1}')
  expect(read(written('shop.orders.Ignored', { x: 1 }, 1, 0))).toBe('{"x":1}')
  expect(read(written('shop.orders.Last', { y: 2 }, 1, 2))).toBe('{"y":2}')
  expect(read(written('shop.orders.Order.Line', { sku: 's' }, 2, 1, 0))).toBe('{"sku":"s"}')
})

test('a file that shares its package with one it imports has its own messages counted alone', () => {
  const first = 'syntax = "proto3"; package p; message A { int32 a = 1; }'
  const second = 'syntax = "proto3"; package p; import "a.proto"; message B { A a = 1; }'
  const read = protobufReader(second, [{ name: 'a.proto', text: first }])
  expect(read(Buffer.from([0, 0x0a, 2, 8, 7]))).toBe('{"a":{"a":7}}')
})

test('a file without a package, and one of proto2', () => {
  expect(
    protobufReader(
      'message A { required int32 a = 1; optional string b = 2; }',
      [],
    )(Buffer.from([0, 8, 0])),
  ).toBe('{"a":0}')
})

test('compiled descriptors are as good as texts, also with types that everybody has', () => {
  const set = descriptor.FileDescriptorSet.toObject(
    root.toDescriptor('proto3'),
  ) as IFileDescriptorSet
  const compiled = (name: string, ...dependency: string[]): string => {
    const file = set.file?.find((each) => each.package === name)
    const message = { ...file, dependency }
    return Buffer.from(descriptor.FileDescriptorProto.encode(message).finish()).toString('base64')
  }
  const main = compiled(
    'shop.orders',
    'units.proto',
    'google/protobuf/timestamp.proto',
    'google/protobuf/wrappers.proto',
  )
  for (const text of [compiled('shop'), units]) {
    const read = protobufReader(main, [{ name: 'units.proto', text }])
    expect(read(written('shop.orders.Order', order, 1, 1))).toBe(orderJson)
    // A compiled map is a message as well, and counts as one: here it is the first.
    expect(read(written('shop.orders.Order.Line', { sku: 's' }, 2, 1, 1))).toBe('{"sku":"s"}')
  }
})

test.each<[string, string, RegExp]>([
  ['no protobuf', 'message {', /^its schema cannot be used: illegal/],
  ['what is imported from nowhere', 'import "other.proto";', /imports other\.proto, which is not/],
  [
    'an unknown type',
    'syntax="proto3"; message A { Other o = 1; }',
    /no such Type or Enum 'Other'/,
  ],
])('%s is no schema', (_, text, reason) => {
  const attempt = (): unknown => protobufReader(text, [])
  expect(attempt).toThrow(DecodeError)
  expect(attempt).toThrow(reason)
})

test.each<[string, number[], RegExp]>([
  ['no indexes', [], /ends too early/],
  ['a message that there is not', [2, 40], /no message 20/],
  ['half a message', [0, 8], /^it is not of its schema: /],
  ['a length beyond the bytes', [2, 2, 0x2a, 0x7f], /^it is not of its schema: /],
])('%s is refused', (_, bytes, reason) => {
  const read = protobufReader(orders, references)
  const attempt = (): unknown => read(Buffer.from(bytes))
  expect(attempt).toThrow(DecodeError)
  expect(attempt).toThrow(reason)
})

test('nesting that never ends is refused', () => {
  const read = protobufReader('syntax="proto3"; message A { A a = 1; }', [])
  let bytes = Buffer.alloc(0)
  for (let i = 0; i < 120; i++) {
    bytes = Buffer.concat([
      Buffer.from([
        0x0a,
        ...(bytes.length < 128
          ? [bytes.length]
          : [(bytes.length & 0x7f) | 0x80, bytes.length >> 7]),
      ]),
      bytes,
    ])
  }
  expect(() => read(Buffer.concat([Buffer.from([0]), bytes]))).toThrow(DecodeError)
})

test('whatever bit is flipped, a message is read or refused', () => {
  const read = protobufReader(orders, references)
  const bytes = written('shop.orders.Order', order, 1, 1)
  let refused = 0
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    try {
      JSON.parse(read(flipped))
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      refused += 1
    }
  }
  expect(refused).toBeGreaterThan(0)
})

test('of Glue the index counts all messages of the file by their names', () => {
  // As its serializers have it: B = 0, B.A = 1, B.A.D = 2, B.C = 3.
  const file =
    'syntax="proto3"; message B { message C { int32 c = 1; } message A { message D { int32 d = 1; } int32 a = 1; } int32 b = 1; }'
  const read = protobufReader(file, [], 'glue')
  const json = ['{"b":7}', '{"a":7}', '{"d":7}', '{"c":7}']
  expect(json.map((_, place) => read(Buffer.from([place, 8, 7])))).toEqual(json)
  expect(() => read(Buffer.from([4, 8, 7]))).toThrow('its schema has no message 4')
})
