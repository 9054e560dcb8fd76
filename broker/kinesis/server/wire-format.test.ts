// Proves that a body says the same in JSON and in CBOR, and that one which cannot be read is a SerializationException.
import { expect, test } from 'vitest'
import { blob, map, structure, text, timestamp, whole } from '../../../common/aws/members.ts'
import { decodeBody, encodeBody, formatOf } from './wire-format.ts'

const read = structure({
  Data: blob,
  Limit: whole,
  StreamName: text,
  Tags: map(text),
  Time: timestamp,
})
const refused = (message: string): object => ({ code: 'SerializationException', message })

test('a blob and a timestamp mean the same in both formats, and so they come back', () => {
  const answer = { Data: Buffer.from('payload'), Time: new Date(1_700_000_000_123), Limit: 5 }
  const meant = { Data: Buffer.from('payload'), Time: 1_700_000_000_123, Limit: 5 }
  for (const format of ['json', 'cbor'] as const) {
    const body = Buffer.concat(encodeBody(format, { ...answer, StreamName: undefined }))
    expect(read(decodeBody(format, body))).toEqual(meant)
  }
})

test.each([
  ['json', '[]', 'The body is not a structure'],
  ['json', 'ff', 'The body is not UTF-8'],
  [
    'json',
    '{"a"',
    "The body is not JSON: Expected ':' after property name in JSON at position 4 (line 1 column 5)",
  ],
  ['cbor', '', 'The body is not CBOR: it ends amid an item at byte 0'],
  ['cbor', '4161', 'The body is not a structure'],
  ['cbor', 'c100', 'The body is not a structure'],
  ['cbor', '80', 'The body is not a structure'],
  ['cbor', 'bf6161', 'The body is not CBOR: it ends amid an item at byte 3'],
] as const)('a %s body of %s is refused: %s', (format, body, message) => {
  const isText = format === 'json' && body !== 'ff'
  expect(decodeBody(format, Buffer.from(body, isText ? 'utf8' : 'hex'))).toMatchObject(
    refused(message),
  )
})

test('types that only CBOR has are refused where they do not belong', () => {
  const wrong = (value: object): unknown =>
    read(decodeBody('cbor', Buffer.concat(encodeBody('cbor', value))))
  expect(wrong({ Limit: 2n ** 60n })).toMatchObject({
    message: expect.stringContaining('NUMBER_VALUE') as string,
  })
  expect(wrong({ StreamName: Buffer.from('x') })).toMatchObject({
    message: expect.stringContaining('BINARY_VALUE can not be converted to a String') as string,
  })
  expect(wrong({ Tags: Buffer.alloc(1_000_000) })).toMatchObject({ code: 'SerializationException' })
})

test('formats are told by the content type, whatever its parameters and letters', () => {
  expect(formatOf('application/x-amz-cbor-1.1')).toBe('cbor')
  expect(formatOf('Application/X-Amz-JSON-1.1; charset=utf-8')).toBe('json')
  expect(formatOf('text/plain')).toBeUndefined()
})
