// Tests what a copy says of a pool and how it goes by the answer.
import { expect, test } from 'vitest'
import { evenShare, PoolShare, type PoolStatement } from './pool-share.ts'

const nowMs = 1_000_000
const limit = 100

function answered(
  share: PoolShare,
  may: number,
  { inUse = 0, isPressed = false, atMs = nowMs } = {},
): PoolStatement {
  const statement = share.state({ limit, inUse }, atMs)
  share.answer(may, { isPressed, statement, statedMs: atMs })
  return statement
}

test('nothing is granted before an answer, and nothing after it is as old as a dead copy', () => {
  const share = new PoolShare()
  expect(share.granted(nowMs)).toBe(0)
  answered(share, 7)
  expect(share.granted(nowMs + 4_999)).toBe(7)
  expect(share.granted(nowMs + 5_000)).toBe(0)
})

test('a copy at work asks for a twentieth to spare, an idle one for nothing', () => {
  const share = new PoolShare()
  expect(answered(share, 0)).toEqual({ limit, hold: 0, need: 0, wanted: 0 })
  expect(answered(share, 8, { inUse: 3 })).toEqual({ limit, hold: 3, need: 3, wanted: 8 })
  // What it has and still wants, it holds on to.
  expect(answered(share, 8, { inUse: 3 })).toMatchObject({ hold: 8 })
})

test('between a statement and its answer no more is granted than what the others are told', () => {
  const share = new PoolShare()
  answered(share, 20)
  const { hold } = share.state({ limit, inUse: 2 }, nowMs)
  expect(hold).toBe(7)
  expect(share.granted(nowMs)).toBe(7)
})

test('where others need more, a copy holds on to what runs alone', () => {
  const share = new PoolShare()
  answered(share, 20, { isPressed: true })
  expect(answered(share, 20, { inUse: 2 })).toEqual({ limit, hold: 2, need: 2, wanted: 2 })
})

test('invocations that wait are part of the need, and come in at the answer, not before or after', () => {
  const share = new PoolShare()
  const seen: number[] = []
  share.wait(() => seen.push(share.granted(nowMs)))
  share.wait(() => seen.push(share.granted(nowMs)))
  const statement = share.state({ limit, inUse: 1 }, nowMs)
  expect(statement.need).toBe(3)
  // One that comes meanwhile is for the next.
  share.wait(() => seen.push(-1))
  expect(seen).toEqual([])
  share.answer(3, { isPressed: false, statement, statedMs: nowMs })
  expect(seen).toEqual([3, 3])
  expect(share.isIdle(0, nowMs)).toBe(false)
})

test('while Redis is away a copy states its even share, and goes on by it', () => {
  const share = new PoolShare()
  expect(share.state({ limit, inUse: 2 }, nowMs, 50)).toMatchObject({ hold: 50, need: 2 })
  share.unanswered()
  expect(share.state({ limit, inUse: 60 }, nowMs, 50)).toMatchObject({ hold: 60 })
})

test('who is refused claims a place for as long as its caller may pause, and at most so long', () => {
  const share = new PoolShare()
  const refused = (atMs: number): void => {
    share.wait(() => {})
    answered(share, 0, { atMs })
  }
  const claimsAt = (atMs: number): boolean => !share.isIdle(0, atMs)
  refused(nowMs)
  expect([claimsAt(nowMs + 4_999), claimsAt(nowMs + 5_000)]).toEqual([true, false])
  refused(nowMs + 10_000)
  expect([claimsAt(nowMs + 39_999), claimsAt(nowMs + 40_000)]).toEqual([true, false])
  expect(answered(share, 0, { atMs: nowMs + 20_000 }).need).toBe(1)
  refused(nowMs + 50_000)
  expect([claimsAt(nowMs + 124_999), claimsAt(nowMs + 125_000)]).toEqual([true, false])
})

test('what the others believe that a copy has, it tells them until they know better', () => {
  const share = new PoolShare()
  const statement = share.state({ limit, inUse: 3 }, nowMs)
  share.answer(0, { isPressed: true, statement, statedMs: nowMs })
  expect(share.isIdle(0, nowMs)).toBe(false)
  answered(share, 0)
  expect(share.isIdle(0, nowMs)).toBe(true)
})

test('even shares add up to all there is', () => {
  for (const [all, copies] of [
    [10, 3],
    [2, 5],
    [0, 2],
    [7, 1],
  ] as const) {
    const shares = Array.from({ length: copies }, (_, before) => evenShare(all, copies, before))
    expect(shares.reduce((a, b) => a + b, 0)).toBe(all)
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
  }
  expect(evenShare(10, 0, 0)).toBe(0)
})
