// Tests lines to a descriptor that is slow, full, or gone: in order, bounded, and never waited for.
import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { LineOutput, type WriteSome } from './line-output.ts'

type Done = Parameters<WriteSome>[1]

let clock: ManualClock
let written: string
let pending: { readonly data: Uint8Array; readonly done: Done }[]
let output: LineOutput
beforeEach(() => {
  clock = new ManualClock()
  written = ''
  pending = []
  const write: WriteSome = (data, done) => pending.push({ data, done })
  output = new LineOutput(write, clock, (lines) => `${lines} are missing`)
})

/** Lets the descriptor take so many bytes of the write that waits. */
function take(bytes = Infinity): void {
  const next = pending.shift()
  if (next === undefined) throw new Error('nothing is being written')
  const taken = next.data.subarray(0, Math.min(bytes, next.data.length))
  written += Buffer.from(taken).toString()
  next.done(null, taken.length)
}

function refuse(code: string): void {
  pending.shift()?.done(Object.assign(new Error(code), { code }), 0)
}

test('lines go out in order, one write at a time, whatever each write takes', () => {
  output.add('one')
  output.add('two')
  output.add('three')
  expect(pending).toHaveLength(1)
  take()
  take(5)
  take(2)
  take()
  expect(written).toBe('one\ntwo\nthree\n')
  expect(pending).toEqual([])
})

test('a full pipe is tried again later', () => {
  output.add('one')
  refuse('EAGAIN')
  expect(pending).toEqual([])
  clock.advance(20)
  take()
  expect(written).toBe('one\n')
})

test('what a slow reader leaves too long is dropped, counted, and said where it is missing', () => {
  const line = 'x'.repeat(1024 * 1024)
  for (let i = 0; i < 6; i++) output.add(`${i} ${line}`)
  expect(output.dropped).toBe(3)
  take()
  take()
  output.add('after')
  take()
  expect(written.split('\n').map((each) => each.slice(0, 14))).toEqual([
    '0 xxxxxxxxxxxx',
    '1 xxxxxxxxxxxx',
    '2 xxxxxxxxxxxx',
    '3 are missing',
    'after',
    '',
  ])
})

test('a pipe without a reader takes nothing any more and harms nobody', async () => {
  output.add('one')
  refuse('EPIPE')
  output.add('two')
  expect(pending).toEqual([])
  expect(output.dropped).toBe(1)
  await output.flush(1_000)
})

test('at the end what waits goes out, or is left after the grace', async () => {
  output.add('one')
  const flushed = output.flush(1_000)
  take()
  await flushed
  expect(written).toBe('one\n')
  output.add('two')
  const left = output.flush(1_000)
  clock.advance(1_000)
  await left
  expect(written).toBe('one\n')
})
