// Tests of every message at every version, with values that the tables themselves generate.
import { expect, test } from 'vitest'
import { everyVersion, randomMessage } from '../test/support/random-messages.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { apis, type ApiName } from './apis.ts'
import { encodeRequest, encodeResponse, parseRequest, parseResponse } from './request.ts'

const random = randomFrom(seed)
const names = Object.keys(apis) as ApiName[]
function requestFrame(name: ApiName, version: number): { body: object; frame: Buffer } {
  const body = randomMessage(random, { name, kind: 'request', version })
  const header = { api: name, version, correlationId: 77, clientId: 'tester' }
  return { body, frame: unframed(encodeRequest(header, body)) }
}

function responseFrame(name: ApiName, version: number): { body: object; frame: Buffer } {
  const body = randomMessage(random, { name, kind: 'response', version })
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
