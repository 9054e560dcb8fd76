// Tests the rates at which AWS scales and invokes functions, against time alone.
import { expect, test } from 'vitest'
import { AwsPace } from './aws-pace.ts'

const unreserved = { limit: 100_000, isReserved: false }

/** Lets in as many executions beside `running` as the pace allows at that moment. */
function fill(pace: AwsPace, running: number, nowMs: number): number {
  let executions = running
  while (pace.admit('fn', { ...unreserved, executions: executions + 1, nowMs }) === undefined) {
    executions += 1
  }
  return executions
}

test('a function starts 1,000 executions at once and 100 more each second', () => {
  const pace = new AwsPace()
  let running = fill(pace, 0, 0)
  expect(running).toBe(1000)
  expect(pace.admit('fn', { ...unreserved, executions: 1001, nowMs: 5 })).toBe('scaling')
  running = fill(pace, running, 1000)
  expect(running).toBe(1100)
  running = fill(pace, running, 11_000)
  expect(running).toBe(2100)
  // What was not used in a minute is not saved up.
  expect(fill(pace, running, 71_000)).toBe(3100)
})

test('environments that are there are used again for nothing, until there was a long pause', () => {
  const pace = new AwsPace()
  expect(fill(pace, 0, 0)).toBe(1000)
  for (let executions = 1; executions <= 1000; executions++) {
    expect(pace.admit('fn', { ...unreserved, executions, nowMs: 1 })).toBeUndefined()
  }
  expect(fill(pace, 0, 1)).toBe(1000)
  // Ten minutes later all of them are gone, and the bucket is full once.
  expect(fill(pace, 0, 600_000)).toBe(1000)
  expect(pace.admit('fn', { ...unreserved, executions: 1001, nowMs: 600_000 })).toBe('scaling')
})

test('functions scale beside each other, and one made anew begins anew', () => {
  const pace = new AwsPace()
  fill(pace, 0, 0)
  expect(pace.admit('other', { ...unreserved, executions: 1, nowMs: 0 })).toBeUndefined()
  pace.forget('fn')
  expect(fill(pace, 0, 0)).toBe(1000)
})

test.each([
  [true, 'reserved-rate'],
  [false, 'rate'],
] as const)(
  'each execution of the limit is ten invocations a second (reserved: %s)',
  (isReserved, why) => {
    const pace = new AwsPace()
    const of = { executions: 1, limit: 2, isReserved }
    for (let i = 0; i < 20; i++) expect(pace.admit('fn', { ...of, nowMs: 0 })).toBeUndefined()
    expect(pace.admit('fn', { ...of, nowMs: 0 })).toBe(why)
    expect(pace.admit('fn', { ...of, nowMs: 49 })).toBe(why)
    expect(pace.admit('fn', { ...of, nowMs: 100 })).toBeUndefined()
  },
)
