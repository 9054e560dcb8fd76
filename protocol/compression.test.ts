// Tests of unpacking: every codec and framing in use, limits, and bytes that are damaged.
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { expect, test } from 'vitest'
import { codecs, xerial } from '../test/support/codecs.ts'
import { decompress } from './compression.ts'
import { DecodeError } from './decode-error.ts'

const text = Buffer.from('the same again, '.repeat(20_000))

test('what each codec packed comes back, empty as well as larger than a block', () => {
  for (const { name, compress } of codecs) {
    expect(decompress(name, compress(text)).equals(text)).toBe(true)
    expect(decompress(name, compress(Buffer.alloc(0)))).toHaveLength(0)
  }
})

test('snappy may be one raw block, or framed in many', () => {
  expect(decompress('snappy', compressSync(text)).equals(text)).toBe(true)
  expect(decompress('snappy', xerial(text, 1000)).equals(text)).toBe(true)
})

test('lz4 may carry checksums, and blocks that did not shrink', () => {
  const checked = compressFrameSync(text, { blockChecksums: true, contentChecksum: true })
  expect(decompress('lz4', checked).equals(text)).toBe(true)
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i * 31) >> 3))
  expect(decompress('lz4', compressFrameSync(noise)).equals(noise)).toBe(true)
})

/** Flags, block descriptor and header checksum behind the magic, then the blocks, each with its size. */
function lz4Frame(header: readonly number[], blocks: readonly Buffer[]): Buffer {
  const sized = blocks.map((block) => Buffer.concat([int32(block.length), block]))
  return Buffer.concat([int32(0x184d2204), Buffer.from(header), ...sized, int32(0)])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

const literals = Buffer.from('\x80abcdefgh', 'latin1')
/** Eight bytes from eight back, which are the block's before, then five of its own. */
const reference = Buffer.from('\x04\x08\x00\x50wxyz!', 'latin1')

test('an lz4 block may refer to the blocks before it, where the frame says so', () => {
  const linked = decompress('lz4', lz4Frame([0x40, 0x40, 0], [literals, reference, reference]))
  expect(linked.toString()).toBe('abcdefghabcdefghwxyz!fghwxyz!wxyz!')
})

test('unpacking ends at the limit, whatever the bytes claim', () => {
  const inputs = codecs.map(({ name, compress }) => [name, compress(text)] as const)
  for (const [name, packed] of [...inputs, ['snappy', compressSync(text)] as const]) {
    expect(() => decompress(name, packed, text.length - 1)).toThrow(/unpack to more than/)
    expect(decompress(name, packed, text.length)).toHaveLength(text.length)
  }
  const boast = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00])
  expect(() => decompress('snappy', boast)).toThrow(/unpack to more than/)
})

test('bytes that are cut short or have a bit flipped never yield more than a decode error', () => {
  const small = text.subarray(0, 100)
  const framed = [...codecs, { name: 'snappy', compress: compressSync } as const]
  for (const { name, compress } of framed) {
    const packed = compress(small)
    for (let length = 0; length < packed.length; length++) {
      expect(outcome(name, packed.subarray(0, length)), `${name} of ${length}`).not.toBe('whole')
    }
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const flipped = Buffer.from(packed)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      outcome(name, flipped)
    }
  }
})

/** Anything but a DecodeError is thrown on. */
function outcome(
  name: (typeof codecs)[number]['name'],
  bytes: Buffer,
): 'refused' | 'whole' | 'part' {
  try {
    return decompress(name, bytes).length === 100 ? 'whole' : 'part'
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return 'refused'
  }
}

test('an lz4 frame of another kind is named as such', () => {
  expect(() => decompress('lz4', Buffer.from('not lz4'))).toThrow('no lz4 frame')
  expect(() => decompress('lz4', lz4Frame([0x80, 0x40, 0], []))).toThrow('version')
  expect(() => decompress('lz4', lz4Frame([0x41, 0x40, 0], []))).toThrow('dictionary')
  expect(() => decompress('lz4', lz4Frame([0x60, 0x30, 0], []))).toThrow('block size')
})
