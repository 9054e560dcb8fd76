// Proves that CBOR comes back as it was written, and that whatever is malformed is a flaw and nothing worse.
import { expect, test } from 'vitest'
import { cborBytesReferredMin, cborDepthMax, cborItemsMax } from '../common/kinesis-wire-limits.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { CborFlaw, decodeCbor, encodeCbor } from './cbor.ts'

const encoded = (value: unknown): Buffer => Buffer.concat(encodeCbor(value))
const decoded = (hex: string): unknown => decodeCbor(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const flaw = (hex: string): unknown => {
  const value = decoded(hex)
  return value instanceof CborFlaw ? `${value.reason} @${value.position}` : value
}

test.each([
  // RFC 8949, appendix A, as far as AWS's protocol goes.
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1_000_000],
  ['1b000000e8d4a51000', 1_000_000_000_000],
  ['1bffffffffffffffff', 18_446_744_073_709_551_615n],
  ['20', -1],
  ['3903e7', -1000],
  ['3bffffffffffffffff', -18_446_744_073_709_551_616n],
  ['3b001ffffffffffffe', -9_007_199_254_740_991],
  ['3b001fffffffffffff', -9_007_199_254_740_992n],
  ['f90000', 0],
  ['f98000', -0],
  ['f93e00', 1.5],
  ['f97bff', 65_504],
  ['f90001', 5.960464477539063e-8],
  ['f9c400', -4],
  ['f97c00', Number.POSITIVE_INFINITY],
  ['f97e00', Number.NaN],
  ['fa47c35000', 100_000],
  ['fb3ff199999999999a', 1.1],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['f7', undefined],
  ['60', ''],
  ['6449455446', 'IETF'],
  ['62c3bc', 'ü'],
  ['64f0908591', '\u{10151}'],
  ['63efbfbd', '\uFFFD'],
  ['83010203', [1, 2, 3]],
  ['a26161016162820203', { a: 1, b: [2, 3] }],
  ['5f42010243030405ff', Buffer.from([1, 2, 3, 4, 5])],
  ['7f657374726561646d696e67ff', 'streaming'],
  ['5fff', Buffer.alloc(0)],
  ['9fff', []],
  ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
  ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }],
  ['bf7f61616162ff01ff', { ab: 1 }],
  ['c11b000001676b3c7ab3', new Date(0x01_676b_3c7a_b3)],
  ['d9d9f7a0', {}],
])('%s is what its sender meant', (hex, value) => {
  expect(decoded(hex)).toEqual(value)
})

test.each([
  ['', 'it ends amid an item @0'],
  ['18', 'it ends amid a number @0'],
  ['1b00000000000000', 'it ends amid a number @0'],
  ['f9', 'it ends amid a number @0'],
  ['fb00', 'it ends amid a number @0'],
  ['1c', 'an unknown head @0'],
  ['1f', 'an unknown head @0'],
  ['df00', 'an unknown head @0'],
  ['41', 'it ends amid a string @1'],
  ['5f', 'it ends amid a string @1'],
  ['5f6161ff', 'a string has a piece of another kind @1'],
  ['5f5f4100ffff', 'an unknown head @1'],
  ['7f', 'it ends amid a string @1'],
  ['61ff', 'a text is not UTF-8 @1'],
  ['7f61ffff', 'a text is not UTF-8 @1'],
  ['5bffffffffffffffff', 'it ends amid a string @9'],
  ['9bffffffffffffffff00', 'it ends amid an item @10'],
  ['bbffffffffffffffff', 'it ends amid a map @9'],
  ['a1', 'it ends amid a map @1'],
  ['a16161', 'it ends amid an item @3'],
  ['a10000', 'a member has a name that is no text @1'],
  ['bf', 'it ends amid a map @1'],
  ['bf6161ff', 'an end of nothing @3'],
  ['ff', 'an end of nothing @0'],
  ['f8ff', 'an unknown value @0'],
  ['f0', 'an unknown value @0'],
  ['c249010000000000000000', 'an unknown tag 2 @1'],
  ['c160', 'a timestamp is no time @1'],
  ['c1f97e00', 'a timestamp is no time @1'],
  ['c11bffffffffffffffff', 'a timestamp is no time @1'],
  ['0000', 'something follows the item @1'],
])('%s is refused: %s', (hex, reason) => {
  expect(flaw(hex)).toBe(reason)
})

test('depth and items are bounded, and what is announced takes no memory', () => {
  const lists = (depth: number): string => `${'81'.repeat(depth)}00`
  expect(flaw(lists(cborDepthMax))).not.toBeTypeOf('string')
  expect(flaw(lists(cborDepthMax + 1))).toBe(
    `it is deeper than ${cborDepthMax} levels @${cborDepthMax + 1}`,
  )
  expect(flaw('c1'.repeat(100_000))).toContain('deeper')
  expect(decodeCbor(encodedNulls(cborItemsMax - 1))).toHaveLength(cborItemsMax - 1)
  expect(decodeCbor(encodedNulls(cborItemsMax))).toMatchObject({
    reason: `it has more than ${cborItemsMax} items`,
  })
  expect(flaw(`5f${'40'.repeat(cborItemsMax)}ff`)).toContain('items')
})

function encodedNulls(count: number): Buffer {
  const bytes = Buffer.alloc(count + 5, 0xf6)
  bytes[0] = 0x9a
  bytes.writeUInt32BE(count, 1)
  return bytes
}

test('byte strings are slices of what was read', () => {
  const bytes = encoded({ Data: Buffer.from('payload') })
  const { Data: data } = decodeCbor(bytes) as { readonly Data: Buffer }
  expect(data.buffer).toBe(bytes.buffer)
})

test('a name that could be a prototype is a member like any other', () => {
  const value = decoded('a1695f5f70726f746f5f5fa1616101') as object
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect((value as Record<string, unknown>)['a']).toBeUndefined()
})

test('names of one length and first letter are told apart, whichever came first', () => {
  for (const value of [{ Data: 1, Date: 2, Dart: 3, Datä: 4 }, { Date: 1, Data: 2 }, { Data: 9 }]) {
    expect(decodeCbor(encoded(value))).toEqual(value)
  }
})

test('members without a value are left out, timestamps are tagged whole milliseconds', () => {
  expect(encoded({ a: undefined, b: null, t: new Date(1000.4) }).toString('hex')).toBe(
    'a26162f66174c11903e8',
  )
})

test('large byte strings are handed on as they are, in their place', () => {
  const data = Buffer.alloc(cborBytesReferredMin, 7)
  const chunks = encodeCbor({ A: 1, Data: data, Z: 'end' })
  expect(chunks).toContain(data)
  expect(decodeCbor(Buffer.concat(chunks))).toEqual({ A: 1, Data: data, Z: 'end' })
})

test('what goes round or is no value is the mistake of whoever hands it over', () => {
  const round: { self?: unknown } = {}
  round.self = round
  expect(() => encodeCbor(round)).toThrow('too deep')
  expect(() => encodeCbor({ f: () => 1 })).toThrow('CBOR has not')
  expect(() => encodeCbor(1n << 64n)).toThrow()
})

test(`every value comes back as it was written (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 500; round += 1) {
    const value = randomValue(random, 4)
    expect(decodeCbor(encoded(value))).toEqual(value)
  }
})

test(`a value cut anywhere is a flaw (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 40; round += 1) {
    const whole = encoded({ First: randomValue(random, 3), Last: randomValue(random, 3) })
    for (let length = 0; length < Math.min(whole.length, 2000); length += 1) {
      expect(decodeCbor(whole.subarray(0, length))).toBeInstanceOf(CborFlaw)
    }
  }
})

test(`random bytes and flipped bits are read or refused, never thrown at (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 5000; round += 1) {
    const bytes =
      round % 2 === 0
        ? encoded(randomValue(random, 3))
        : Buffer.from(Array.from({ length: 24 }, () => Math.floor(random() * 256)))
    const at = Math.floor(random() * bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    expect(() => decodeCbor(bytes)).not.toThrow()
  }
})

function randomValue(random: () => number, depth: number): unknown {
  const below = (count: number): number => Math.floor(random() * count)
  const makers: (() => unknown)[] = [
    () => below(100),
    () => -below(1_000_000),
    () => Math.floor((random() - 0.5) * 2 ** 53),
    () => (random() - 0.5) * 2 ** below(200),
    () => BigInt(Number.MAX_SAFE_INTEGER) + BigInt(1 + below(1000)),
    () => -(1n << 63n) + BigInt(below(1000)),
    () =>
      ['', 'orders', 'größe', '漢字', 'x'.repeat(below(400)), '\u{10151}', '12345678'][below(7)],
    () => Buffer.from(Array.from({ length: below(60) }, () => below(256))),
    () => new Date(below(2 ** 41)),
    () => [true, false, null, Number.POSITIVE_INFINITY][below(4)],
    () => Array.from({ length: below(5) }, () => randomValue(random, depth - 1)),
    () =>
      Object.fromEntries(
        Array.from({ length: below(5) }, (_, index) => [
          `${['Name', 'name', 'x'.repeat(40), ''][below(4)]}${index}`,
          randomValue(random, depth - 1),
        ]),
      ),
  ]
  return makers[below(depth > 0 ? makers.length : makers.length - 2)]?.()
}
