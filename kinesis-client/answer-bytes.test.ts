// Tests that answers of HTTP/1.1 come out whole however they arrive, and that what is none is said to be so.
import { expect, test } from 'vitest'
import { kinesisAnswerMaxBytes } from '../common/kinesis-client-limits.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { AnswerBytes, AnswerFlaw, type AnswerPart } from './answer-bytes.ts'

const told = (status: number, headers: string, body = ''): string =>
  `HTTP/1.1 ${status} OK\r\n${headers}\r\n${body}`
/** With the headers before it, the head's end, and a body. */
const sized = (body: string): readonly [string, string] => [
  `Content-Length: ${body.length}\r\n`,
  body,
]

/** Bytes as a socket reads them: so many at a time, or what there is room for. */
function feed(answer: AnswerBytes, bytes: Buffer, most: () => number): AnswerPart[] {
  const parts: AnswerPart[] = []
  for (let at = 0; at < bytes.length;) {
    const { room } = answer
    expect(room.length).toBeGreaterThan(0)
    const length = Math.min(room.length, most(), bytes.length - at)
    bytes.copy(room, 0, at, at + length)
    at += length
    parts.push(...answer.fill(length))
  }
  return parts
}

/** Status, body and whether it goes on, of each answer. */
function answers(parts: readonly AnswerPart[]): unknown[] {
  const found: unknown[] = []
  let [status, body] = [0, '']
  for (const part of parts) {
    if (part.kind === 'head') [status, body] = [part.head.status, '']
    else if (part.kind === 'piece') body += part.bytes.toString('latin1')
    else found.push([status, body, part.isLast])
  }
  return found
}

const all = [
  told(200, ...sized('one')),
  told(100, '') + told(200, `X-Two: 1\r\n${sized('after a 100')[0]}`, 'after a 100'),
  told(400, ...sized('')),
  told(204, ''),
  told(200, 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n5;x=y\r\n01234\r\n0\r\n\r\n'),
  told(200, 'transfer-encoding: Chunked\r\n', 'A\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n'),
  told(200, ...sized('x'.repeat(5000))),
  told(503, `Connection: keep-alive, close\r\n${sized('no')[0]}`, 'no'),
].join('')
const expected = [
  [200, 'one', false],
  [200, 'after a 100', false],
  [400, '', false],
  [204, '', false],
  [200, 'abc01234', false],
  [200, '0123456789', false],
  [200, 'x'.repeat(5000), false],
  [503, 'no', true],
]

test(`answers come out whole, however many bytes arrive at a time (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (const most of [() => 1, () => 7, () => 1e6, () => 1 + Math.floor(random() * 400)]) {
    const answer = new AnswerBytes()
    expect(answers(feed(answer, Buffer.from(all, 'latin1'), most))).toEqual(expected)
    expect(answer.isBetween).toBe(true)
    expect(answer.ended()).toEqual([])
  }
})

test('headers are found by small letters, several of a name are one list', () => {
  const text = told(200, `X-Two: 1\r\nx-two:  2 \r\nEmpty:\r\n${sized('')[0]}`)
  const [part] = feed(new AnswerBytes(), Buffer.from(text), () => 1e6)
  const headers = part?.kind === 'head' ? part.head.headers : new Map()
  expect([...headers]).toEqual([
    ['x-two', '1, 2'],
    ['empty', ''],
    ['content-length', '0'],
  ])
})

test('a body that says how long it is is read into memory of that length, nothing else is asked for', () => {
  const asked: number[] = []
  const allocate = (bytes: number): Buffer => {
    asked.push(bytes)
    return Buffer.alloc(bytes)
  }
  feed(new AnswerBytes(allocate), Buffer.from(all, 'latin1'), () => 1e6)
  expect(asked).toEqual([3, 11, 3, 5, 10, 5000, 2])
})

test('a body without a length is what comes until the end', () => {
  const answer = new AnswerBytes()
  const parts = feed(answer, Buffer.from(told(200, '', 'all of it')), () => 4)
  expect(answers([...parts, ...answer.ended()])).toEqual([[200, 'all of it', true]])
})

test('an old server ends its connections unless it says that it does not', () => {
  const old = `HTTP/1.0 200 OK\r\n${sized('x').join('\r\n')}`
  const kept = `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${sized('x').join('\r\n')}`
  const ends = [old, kept].map((text) =>
    answers(feed(new AnswerBytes(), Buffer.from(text), () => 9)),
  )
  expect(ends).toEqual([[[200, 'x', true]], [[200, 'x', false]]])
})

test('what ends amid an answer was cut off', () => {
  const bytes = Buffer.from(told(200, ...sized('body')))
  for (let length = 1; length < bytes.length; length++) {
    const answer = new AnswerBytes()
    feed(answer, bytes.subarray(0, length), () => 1e6)
    expect(() => answer.ended()).toThrow('it was cut off')
  }
})

test.each([
  ['of another protocol', 'HTTP/2 200\r\n\r\n', 'it is not of HTTP/1.1'],
  ['of a text', 'hello\r\n\r\n', 'it is not of HTTP/1.1'],
  ['with a broken header', told(200, 'no colon\r\n'), 'a header cannot be read'],
  ['with a folded header', told(200, 'a: 1\r\n b\r\n'), 'a header cannot be read'],
  [
    'with two lengths',
    told(200, 'Content-Length: 1\r\nContent-Length: 2\r\n'),
    'its length is no number',
  ],
  [
    'with a length of too much',
    told(200, `Content-Length: ${kinesisAnswerMaxBytes + 1}\r\n`),
    'it has more than 16777216 bytes',
  ],
  [
    'with both ways of a length',
    told(200, 'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    'its length is told in no way that is known',
  ],
  [
    'that is packed',
    told(200, 'Transfer-Encoding: gzip, chunked\r\n'),
    'its length is told in no way that is known',
  ],
  [
    'with a chunk without a size',
    told(200, 'Transfer-Encoding: chunked\r\n', 'x\r\n'),
    'a chunk has no size',
  ],
  [
    'with a chunk that is too long',
    told(200, 'Transfer-Encoding: chunked\r\n', '1\r\nabc'),
    'a chunk is longer than it says',
  ],
  [
    'with a chunk of too much',
    told(200, 'Transfer-Encoding: chunked\r\n', 'fffffff\r\n'),
    'it has more than 16777216 bytes',
  ],
  ['with a head without end', told(200, `a: ${'x'.repeat(20_000)}`), 'its head is too large'],
  [
    'with a chunk line without end',
    told(200, 'Transfer-Encoding: chunked\r\n', '1'.repeat(5000)),
    'a line is too long',
  ],
])('an answer %s is none', (_, text, reason) => {
  for (const most of [1, 1e6]) {
    const bytes = Buffer.from(text, 'latin1')
    expect(() => feed(new AnswerBytes(), bytes, () => most)).toThrow(new AnswerFlaw(reason))
  }
})

test(`with bytes changed anywhere it comes out or is said to be none (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(all, 'latin1')
    for (let change = 0; change < 3; change++) {
      bytes[Math.floor(random() * 700)] = Math.floor(random() * 256)
    }
    try {
      feed(new AnswerBytes(), bytes, () => 1 + Math.floor(random() * 1000))
    } catch (error) {
      expect(error).toBeInstanceOf(AnswerFlaw)
    }
  }
})
