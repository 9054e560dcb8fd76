// Makes requests of every API and version from the tables themselves, and spoils them.
import { apis, type ApiName } from '../../protocol/apis.ts'
import { DecodeError } from '../../protocol/decode-error.ts'
import type { Field } from '../../protocol/fields.ts'
import { Reader, type TagReader } from '../../protocol/reader.ts'
import { encodeRequest } from '../../protocol/request.ts'
import { batchOf } from '../support/log-store.ts'

export type Random = () => number

/** Every API at every version. */
export const apiVersions: readonly { readonly api: ApiName; readonly version: number }[] =
  Object.values(apis).flatMap(({ name, minVersion, maxVersion }) =>
    Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => ({
      api: name,
      version: minVersion + index,
    })),
  )

const numbers = [0, 0, 0, 1, 1, 2, 3, 7, -1, -1, 2 ** 31 - 1, -(2 ** 31)]
const texts = [
  't',
  't',
  'g',
  'g',
  'range',
  'consumer',
  'm',
  '',
  'a.b',
  '__consumer_offsets',
  'x'.repeat(300),
  '../x',
  'é',
]
const batch = batchOf(['a', 'b'])

/**
 * A reader that makes values up: a table which reads from it returns a message of its shape. Nulls come only
 * where `nulls` says so, because not every field takes one.
 */
class Inventor extends Reader {
  readonly #random: Random
  readonly #nulls: boolean
  /** Messages nest: each array is shorter the deeper it lies. */
  #depth = 0

  constructor(random: Random, options: { flexible: boolean; nulls: boolean }) {
    super(Buffer.alloc(0), options)
    this.#random = random
    this.#nulls = options.nulls
  }

  override int8(): number {
    return this.#pick([0, 0, 1, 1, 2, 3, -1, 127, -128])
  }

  override int16(): number {
    return this.#pick([0, 0, 1, 1, 2, 3, -1, 32_767, -32_768])
  }

  override uint16(): number {
    return this.#pick([0, 1, 2, 65_535])
  }

  override int32(): number {
    return this.#pick(numbers)
  }

  override int64(): number {
    return this.#pick([...numbers, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
  }

  override bool(): boolean {
    return this.#random() < 0.5
  }

  override uuid(): string {
    return this.#pick([
      '00000000-0000-0000-0000-000000000000',
      '00000000-0000-0000-0000-000000000001',
      'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    ])
  }

  override nullableString(): string | null {
    return this.#nulls && this.#random() < 0.1 ? null : this.#pick(texts)
  }

  override nullableBytes(): Buffer | null {
    if (this.#nulls && this.#random() < 0.1) return null
    return this.#pick([
      batch,
      Buffer.alloc(0),
      Buffer.alloc(40, 0x81),
      Buffer.from(batch.subarray(0, 70)),
    ])
  }

  override arrayLength(): number {
    if (this.#nulls && this.#random() < 0.05) return -1
    this.#depth += 1
    return this.#depth > 12 ? 0 : Math.floor(this.#random() * 3)
  }

  override taggedFields(known?: ReadonlyMap<number, TagReader>): void {
    for (const read of known?.values() ?? []) if (this.#random() < 0.5) read(this)
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T
  }
}

/** A request that its own table can read, without the length in front. */
export function validFrame(
  { api, version }: { readonly api: ApiName; readonly version: number },
  random: Random,
): Buffer {
  const table = apis[api]
  const flexible = version >= table.flexibleSince
  const request = table.request as Field<unknown, unknown>
  const header = { api, version, correlationId: 1, clientId: 'fuzz' }
  for (let attempt = 0; ; attempt++) {
    try {
      const invented = request.read(new Inventor(random, { flexible, nulls: attempt < 3 }), version)
      return Buffer.concat(encodeRequest(header, invented as never)).subarray(4)
    } catch (error) {
      // A null where none may be: the next one has fewer.
      if (!(error instanceof DecodeError) || attempt > 3) throw error
    }
  }
}

/** The frame with some of it changed, cut, doubled, or with a number that promises more than there is. */
export function spoiled(frame: Buffer, random: Random): Buffer {
  let bytes: Buffer = Buffer.from(frame)
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) {
    bytes = spoil(bytes, random)
  }
  return bytes
}

/** Behind the API key and version, which stay: an unknown API would hide all else. */
const headerBytes = 4
const huge = [0x7fff_ffff, 0xffff_ffff, 0x8000_0000, 1_000_001, 0x00ff_ffff]

function spoil(bytes: Buffer, random: Random): Buffer {
  const at = Math.min(bytes.length, headerBytes + Math.floor(random() * bytes.length))
  const left = bytes.length - at
  switch (Math.floor(random() * 7)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      if (left > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      return bytes
    case 2:
      if (left > 0) bytes[at] = Math.floor(random() * 256)
      return bytes
    case 3:
      if (left >= 4) bytes.writeUInt32BE(huge[Math.floor(random() * huge.length)] ?? 0, at)
      return bytes
    case 4:
      // As a compact length: up to 2^32 - 1 in five bytes.
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
        bytes.subarray(at),
      ])
    case 5: {
      const part = bytes.subarray(at, at + Math.floor(random() * 40))
      return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
    }
    default: {
      const noise = Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256)))
      return Buffer.concat([bytes.subarray(0, at), noise])
    }
  }
}
