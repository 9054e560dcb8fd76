// Tests that our ProtoJSON is protojson's, message for message: by random ones, broken ones, and those of rare kinds.
import protobuf from 'protobufjs'
import protojson from 'protobufjs/ext/protojson.js'
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { protoJsonWriter } from './proto-json-writer.ts'

const everything = `
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
message All {
  enum State { OPEN = 0; PAID = 1; BACK = -1; }
  message Inner { string some_text = 1; All all = 2; repeated sint32 numbers = 3; }
  double a_double = 1; float a_float = 2; int32 an_int = 3; int64 a_long = 4; uint32 c = 5;
  uint64 d = 6; sint32 e = 7; sint64 f = 8; fixed32 g = 9; fixed64 h = 10; sfixed32 i = 11;
  sfixed64 j = 12; bool k = 13; string l = 14; bytes m = 15; State n = 16; Inner o = 17;
  repeated double ra = 18; repeated int64 rb = 19; repeated bytes rc = 20; repeated State rd = 21;
  repeated Inner re = 22; repeated string rf = 23; repeated bool rg = 24;
  map<string, int64> ma = 25; map<int32, Inner> mb = 26; map<bool, State> mc = 27;
  map<string, bytes> md = 28; map<string, float> me = 29;
  optional int32 pa = 30; optional string pb = 31; optional bytes pc = 32; optional State pd = 33;
  oneof way { string wa = 34; int64 wb = 35; Inner wc = 36; bool wd = 37; }
  google.protobuf.Timestamp at = 38; google.protobuf.Int64Value boxed = 39;
  google.protobuf.Struct free = 40; repeated google.protobuf.BoolValue boxes = 41;
  google.protobuf.NullValue nothing = 42; Far far = 43;
  string own_name = 44 [json_name = "quite another"]; map<string, google.protobuf.Value> mf = 45;
}
// Of a kind that is seldom: keys of 64 bits.
message Far { map<int64, string> by_id = 1; All all = 2; }
`
const proto2 = `
syntax = "proto2";
message Old {
  required int32 a = 1; optional string b = 2 [default = "x"]; optional bool c = 3;
  repeated group Thing = 4 { optional bytes d = 5; }
  extensions 100 to 200;
}
extend Old { optional int64 more = 100; }
`

function rootOf(text: string): protobuf.Root {
  const root = new protobuf.Root()
  for (const name of ['timestamp', 'wrappers', 'struct']) {
    root.addJSON(protobuf.common.get(`google/protobuf/${name}.proto`)?.nested ?? {})
  }
  protobuf.parse(text, root, { keepCase: true })
  root.resolveAll()
  return root
}

/** What both make of a message: the text, or that it is none. */
function both(type: protobuf.Type, message: protobuf.Message): [ours: string, theirs: string] {
  const told = (make: () => unknown): string => {
    try {
      return JSON.stringify(make())
    } catch {
      return 'none'
    }
  }
  return [
    told(() => protoJsonWriter(type, new Map())(message)),
    told(() => protojson.toJson(type, message)),
  ]
}

const random = randomFrom(seed)
const below = (most: number): number => Math.floor(random() * most)
const pick = <T>(...of: readonly T[]): T => of[below(of.length)] as T

/** A value of a field, often one that is near a bound. */
function valueOf(field: protobuf.Field, depth: number): unknown {
  const { type, resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return messageOf(resolvedType, depth + 1)
  if (resolvedType instanceof protobuf.Enum) return pick(0, 1, -1, 7)
  switch (type) {
    case 'double':
    case 'float':
      return pick(0, -0, 0.1, 1e30, NaN, Infinity, -Infinity, -1.5)
    case 'bool':
      return pick(true, false)
    case 'string':
      return pick('', 'a', 'ü"\\\n\u2028', '__proto__')
    case 'bytes':
      return pick(Buffer.alloc(0), Buffer.from([255, 0, 1]))
    default:
      return pick(0, 1, 127, 2_147_483_647)
  }
}

function messageOf(type: protobuf.Type, depth = 0): Record<string, unknown> {
  const message: Record<string, unknown> = {}
  for (const field of type.fieldsArray) {
    if (random() < 0.6 || (depth > 2 && field.resolvedType instanceof protobuf.Type)) continue
    const several = (): unknown[] => Array.from({ length: below(3) }, () => valueOf(field, depth))
    if (field instanceof protobuf.MapField) {
      const key = (): unknown =>
        field.keyType === 'string' ? pick('a', '', 'z') : field.keyType === 'bool' ? true : below(9)
      message[field.name] = Object.fromEntries(several().map((value) => [key(), value]))
    } else message[field.name] = field.repeated ? several() : valueOf(field, depth)
  }
  return message
}

test(`a thousand random messages are what protojson makes of them (SEED=${seed})`, () => {
  const type = rootOf(everything).lookupType('All')
  let longest = 0
  for (let round = 0; round < 1000; round++) {
    const bytes = type.encode(type.fromObject(messageOf(type))).finish()
    const [ours, theirs] = both(type, type.decode(bytes))
    expect(ours).toBe(theirs)
    longest = Math.max(longest, ours.length)
  }
  expect(longest).toBeGreaterThan(1000)
})

test(`whatever bit of a message is flipped, both make the same of it (SEED=${seed})`, () => {
  const type = rootOf(everything).lookupType('All')
  const bytes = type.encode(type.fromObject(messageOf(type))).finish()
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    let message: protobuf.Message
    try {
      message = type.decode(flipped)
    } catch {
      continue
    }
    const [ours, theirs] = both(type, message)
    expect(ours, `bit ${bit}`).toBe(theirs)
  }
})

test('fields of proto2, groups and extensions are as protojson has them', () => {
  const root = rootOf(proto2)
  const type = root.lookupType('Old')
  for (const message of [
    { a: 0 },
    { a: 1, b: 'x', c: false },
    { a: 1, thing: [{ d: Buffer.from('d') }, {}], '.more': 5 },
  ]) {
    const [ours, theirs] = both(type, type.decode(type.encode(type.fromObject(message)).finish()))
    expect(ours).toBe(theirs)
  }
})

test('a key that is the name of the prototype is a key', () => {
  const type = rootOf(everything).lookupType('All')
  const message = type.decode(Buffer.from([0xca, 1, 13, 10, 9, ...Buffer.from('__proto__'), 16, 7]))
  expect(both(type, message)).toEqual(['{"ma":{"__proto__":"7"}}', '{"ma":{"__proto__":"7"}}'])
})
