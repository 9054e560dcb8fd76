// Tests of Kafka's variable-length integers.
import { expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import {
  readUnsignedVarint,
  readVarint,
  readVarlong,
  unsignedVarintBytes,
  writeUnsignedVarint,
  zigzag,
  type Cursor,
} from './varint.ts'

const cursorOf = (...bytes: number[]): Cursor => ({
  buffer: Buffer.from(bytes),
  position: 0,
  end: bytes.length,
})

function encode(value: number): Cursor {
  const buffer = Buffer.alloc(unsignedVarintBytes(value))
  expect(writeUnsignedVarint(buffer, 0, value)).toBe(buffer.length)
  return { buffer, position: 0, end: buffer.length }
}

test('lengths of one to five bytes come back as they were written', () => {
  for (const value of [0, 1, 127, 128, 300, 16_383, 16_384, 2 ** 28, 2 ** 31, 2 ** 32 - 1]) {
    const cursor = encode(value)
    expect(readUnsignedVarint(cursor)).toBe(value)
    expect(cursor.position).toBe(cursor.end)
  }
})

test('zigzag gives small negative numbers few bytes, as the Protocol Buffers encoding does', () => {
  expect([...encode(zigzag(-1)).buffer]).toEqual([1])
  expect([...encode(zigzag(64)).buffer]).toEqual([0x80, 0x01])
  for (const value of [0, -1, 1, -64, 64, 2 ** 31 - 1, -(2 ** 31)]) {
    expect(readVarint(encode(zigzag(value)))).toBe(value)
  }
})

test('timestamp deltas are exact far beyond 32 bits', () => {
  for (const value of [0, -1, 2 ** 31, -(2 ** 40) - 1, 2 ** 51 + 1, -(2 ** 51) - 1]) {
    expect(readVarlong(encode(zigzag(value)))).toBe(value)
  }
})

test('a varint that is cut off, or longer than its type, is a decode error', () => {
  const long = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
  expect(() => readUnsignedVarint(cursorOf())).toThrow(DecodeError)
  expect(() => readUnsignedVarint(cursorOf(0x80, 0x80))).toThrow(DecodeError)
  expect(() => readUnsignedVarint(cursorOf(0x80, 0x80, 0x80, 0x80, 0x10))).toThrow(DecodeError)
  expect(() => readUnsignedVarint(cursorOf(...long))).toThrow(DecodeError)
  expect(() => readVarlong(cursorOf(...long))).toThrow(DecodeError)
  expect(() => readVarlong(cursorOf(...long.slice(0, 9), 0x01))).toThrow(DecodeError)
})
