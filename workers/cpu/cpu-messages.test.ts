// Tests that what a thread says of itself is told from what a handler posts.
import { expect, test } from 'vitest'
import { parseCpuMessage } from './cpu-messages.ts'

test("a thread's words are understood, with their reason if they have one", () => {
  expect(parseCpuMessage({ type: 'born', threadId: 1, tid: 2 })).toEqual({
    type: 'born',
    threadId: 1,
    tid: 2,
  })
  expect(parseCpuMessage({ type: 'initialised', threadId: 1, failure: 'EROFS' })).toEqual({
    type: 'initialised',
    threadId: 1,
    failure: 'EROFS',
  })
})

test.each([
  undefined,
  null,
  'born',
  {},
  { type: 'born', threadId: 1 },
  { type: 'log', threadId: 1 },
])('a message of a handler is none of them: %j', (message) => {
  expect(parseCpuMessage(message)).toBeUndefined()
})
