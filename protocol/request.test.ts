// Tests of frames as a server meets them: what is parsed, what is refused, and what the bytes are.
import { expect, test } from 'vitest'
import { apiByKey, apis } from './apis.ts'
import { errorCodes } from './error-codes.ts'
import { encodeRequest, encodeResponse, parseRequest, parseResponse } from './request.ts'

/** Bytes in hexadecimal; blanks in what is expected only help to read it. */
const hexOf = (pieces: readonly Buffer[]): string => Buffer.concat(pieces).toString('hex')
const wire = (text: string): string => text.replaceAll(' ', '')

test('a request is told apart by its api, and its body is typed by it', () => {
  const pieces = encodeRequest(
    { api: 'Heartbeat', version: 3, correlationId: 5, clientId: 'c' },
    { groupId: 'g', generationId: 1, memberId: 'm' },
  )
  const request = parseRequest(Buffer.concat(pieces).subarray(4))
  expect(request.ok && request.api === 'Heartbeat' && request.body.groupInstanceId).toBe(null)
  expect(request).toMatchObject({ version: 3, correlationId: 5, clientId: 'c' })
})

test('the flexible header has tagged fields, but a client id of plain length', () => {
  const header = { correlationId: 7, clientId: 'c', api: 'Heartbeat' } as const
  const body = { groupId: 'g', generationId: 1, memberId: '' }
  expect(hexOf(encodeRequest({ ...header, version: 4 }, body))).toBe(
    wire('00000015000c00040000000700016300 026700000001010000'),
  )
  expect(hexOf(encodeResponse('Heartbeat', 4, 7, { errorCode: 27 }))).toBe(
    wire('0000000c0000000700 00000000001b00'),
  )
  expect(hexOf(encodeResponse('Heartbeat', 0, 7, { errorCode: 27 }))).toBe(
    wire('0000000600000007001b'),
  )
})

test('the header of an ApiVersions response is that of version 0 at every version', () => {
  const body = { errorCode: 0, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
  expect(hexOf(encodeResponse('ApiVersions', 3, 7, body))).toBe(
    wire('0000001300000007 000002001200000004000000000000'),
  )
})

test('an ApiVersions request from the future can be answered with version 0 (KIP-511)', () => {
  const frame = Buffer.from([0, 18, 0, 99, 0, 0, 0, 7, 0xde, 0xad])
  expect(parseRequest(frame)).toEqual({
    ok: false,
    kind: 'unsupported-version',
    apiKey: 18,
    apiVersion: 99,
    correlationId: 7,
    reason: 'ApiVersions version 99 is not in 0 to 4',
  })
  const body = { errorCode: errorCodes.UNSUPPORTED_VERSION, apiKeys: [] }
  expect(hexOf(encodeResponse('ApiVersions', 0, 7, body))).toBe(
    wire('0000000a00000007002300000000'),
  )
})

test('a request to an API that is not spoken is named by its key', () => {
  const frame = Buffer.from([0, 71, 0, 0, 0, 0, 0, 7, 255, 255])
  expect(parseRequest(frame)).toMatchObject({ kind: 'unknown-api', apiKey: 71, correlationId: 7 })
  expect(apiByKey(71)).toBe(undefined)
  expect(apiByKey(0)).toBe(apis.Produce)
})

test('a header too short to read is malformed, with what could be read of it', () => {
  expect(parseRequest(Buffer.from([0, 3, 0]))).toMatchObject({
    kind: 'malformed',
    apiKey: 3,
    apiVersion: -1,
    correlationId: -1,
  })
})

test('a client without a name is taken, and so are bytes behind the body', () => {
  const frame = Buffer.from([0, 18, 0, 0, 0, 0, 0, 7, 255, 255, 1, 2, 3])
  expect(parseRequest(frame)).toMatchObject({ ok: true, api: 'ApiVersions', clientId: null })
})

test('record batches pass through a request and a response without a copy', () => {
  const records = Buffer.alloc(5000, 1)
  const produce = encodeRequest(
    { api: 'Produce', version: 9, correlationId: 1, clientId: null },
    { acks: 1, timeoutMs: 1, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] },
  )
  expect(produce.includes(records)).toBe(true)
  const frame = Buffer.concat(produce).subarray(4)
  const parsed = parseRequest(frame)
  const body = parsed.ok && parsed.api === 'Produce' ? parsed.body : undefined
  expect(body?.topicData[0]?.partitionData[0]?.records?.buffer).toBe(frame.buffer)
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 1, lastStableOffset: 1 }
  const response = { responses: [{ topic: 't', partitions: [{ ...partition, records }] }] }
  expect(encodeResponse('Fetch', 12, 1, response).includes(records)).toBe(true)
})

test('a response that is not one is a reason, not an exception', () => {
  const parsed = parseResponse('Heartbeat', 0, Buffer.from([0, 0, 0, 7, 0]))
  expect(parsed).toEqual({ ok: false, reason: '2 bytes wanted where 1 are left at position 4' })
})
