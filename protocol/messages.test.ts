// Tests of every message at every version, with values that the tables themselves generate.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { apis, type ApiName } from './apis.ts'
import type { Field } from './fields.ts'
import { Reader, type TagReader } from './reader.ts'
import { encodeRequest, encodeResponse, parseRequest, parseResponse } from './request.ts'

/** Lets a table read random values where a frame's would be: so it makes a message of itself. */
class RandomReader extends Reader {
  readonly #random: () => number

  constructor(random: () => number, flexible: boolean) {
    super(Buffer.alloc(0), { flexible })
    this.#random = random
  }

  override int8 = (): number => this.#between(-128, 127)
  override int16 = (): number => this.#between(-32_768, 32_767)
  override uint16 = (): number => this.#between(0, 65_535)
  override int32 = (): number => this.#between(-(2 ** 31), 2 ** 31 - 1)
  override int64 = (): number => this.#between(-(2 ** 52), 2 ** 52)
  override bool = (): boolean => this.#random() < 0.5
  override arrayLength = (): number => this.#between(0, 3)
  override nullableBytes = (): Buffer => Buffer.alloc(this.#between(0, 40), this.#between(0, 255))

  override nullableString(): string {
    return ['', 'orders', 'größe', '漢字', 'x'.repeat(130)][this.#between(0, 4)] ?? ''
  }

  override uuid(): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => this.#between(0, 15).toString(16)).join('')
    return [8, 4, 4, 4, 12].map(hex).join('-')
  }

  override taggedFields(known?: ReadonlyMap<number, TagReader>): void {
    for (const read of known?.values() ?? []) if (this.#random() < 0.5) read(this)
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }
}

const random = randomFrom(seed)
const names = Object.keys(apis) as ApiName[]
const everyVersion = names.flatMap((name) => {
  const { minVersion, maxVersion } = apis[name]
  const count = maxVersion - minVersion + 1
  return Array.from({ length: count }, (_, index) => ({ name, version: minVersion + index }))
})

function generate(name: ApiName, kind: 'request' | 'response', version: number): never {
  const table: Field<unknown, never> = apis[name][kind]
  return table.read(new RandomReader(random, version >= apis[name].flexibleSince), version) as never
}

function requestFrame(name: ApiName, version: number): { body: object; frame: Buffer } {
  const body = generate(name, 'request', version)
  const header = { api: name, version, correlationId: 77, clientId: 'tester' }
  return { body, frame: unframed(encodeRequest(header, body)) }
}

function responseFrame(name: ApiName, version: number): { body: object; frame: Buffer } {
  const body = generate(name, 'response', version)
  return { body, frame: unframed(encodeResponse(name, version, 77, body)) }
}

/** The frame in one piece, after its length has proved right. */
function unframed(pieces: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(pieces)
  expect(whole.readInt32BE(0)).toBe(whole.length - 4)
  return whole.subarray(4)
}

test(`every request comes back as it was written, at every version (SEED=${seed})`, () => {
  for (const { name, version } of everyVersion) {
    for (let round = 0; round < 10; round++) {
      const { body, frame } = requestFrame(name, version)
      const at = { version, correlationId: 77, clientId: 'tester' }
      expect(parseRequest(frame), name).toEqual({ ok: true, api: name, ...at, body })
    }
  }
})

test(`every response comes back as it was written, at every version (SEED=${seed})`, () => {
  for (const { name, version } of everyVersion) {
    for (let round = 0; round < 10; round++) {
      const { body, frame } = responseFrame(name, version)
      const parsed = parseResponse(name, version, frame)
      expect(parsed, `${name} ${version}`).toEqual({ ok: true, correlationId: 77, body })
    }
  }
})

test(`a frame cut anywhere is malformed and nothing worse (SEED=${seed})`, () => {
  for (const { name, version } of everyVersion) {
    const request = requestFrame(name, version).frame
    const response = responseFrame(name, version).frame
    const lengths = Array.from({ length: request.length }, (_, index) => index)
    const kinds = lengths.map((length) => kindOf(request.subarray(0, length)))
    expect(new Set(kinds), `${name} ${version}`).toEqual(new Set(['malformed']))
    for (let length = 0; length < response.length; length++) {
      expect(parseResponse(name, version, response.subarray(0, length)).ok, name).toBe(false)
    }
  }
})

function kindOf(frame: Buffer): string {
  const parsed = parseRequest(frame)
  return parsed.ok ? 'parsed' : parsed.kind
}

test(`one flipped bit never makes a parser throw or hang (SEED=${seed})`, () => {
  for (const { name, version } of everyVersion) {
    const request = requestFrame(name, version).frame
    const response = responseFrame(name, version).frame
    for (let round = 0; round < 100; round++) {
      expect(typeof parseRequest(flipped(request)).ok).toBe('boolean')
      expect(typeof parseResponse(name, version, flipped(response)).ok).toBe('boolean')
    }
  }
})

function flipped(frame: Buffer): Buffer {
  const copy = Buffer.from(frame)
  const bit = Math.floor(random() * frame.length * 8)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

test('the table of APIs agrees with itself', () => {
  expect(names.map((name) => apis[name].name)).toEqual(names)
  expect(new Set(names.map((name) => apis[name].key)).size).toBe(names.length)
})
