// Tests the account's ledger against a plain count, with random calls.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { unreservedPool } from './account-quota.ts'
import { ConcurrencyLedger } from './concurrency.ts'

const ledgerOf = (accountConcurrency: number) =>
  new ConcurrencyLedger({ accountConcurrency, waitingMaxBytes: 1000 })

test('the account limit holds over all functions together', () => {
  const ledger = ledgerOf(2)
  expect(['a', 'b', 'a'].map((name) => ledger.admit(name))).toEqual([
    undefined,
    undefined,
    'account',
  ])
  ledger.release('b')
  expect(ledger.admit('a')).toBeUndefined()
  expect(ledger.executions('a')).toBe(2)
  expect(ledger.executions('b')).toBe(0)
})

test('a reservation bounds its function, and is there for it when the others have all of theirs', () => {
  const ledger = ledgerOf(3)
  ledger.reserve('a', 2)
  expect(ledger.limit(unreservedPool)).toBe(1)
  expect(['b', 'b', 'a', 'a', 'a'].map((name) => ledger.admit(name))).toEqual([
    undefined,
    'account',
    undefined,
    undefined,
    'reserved',
  ])
  expect(ledger.check()).toBeUndefined()
})

test('a reservation of 0 lets nothing in', () => {
  const ledger = ledgerOf(3)
  ledger.reserve('a', 0)
  expect(ledger.admit('a')).toBe('reserved')
  ledger.reserve('a', undefined)
  expect(ledger.admit('a')).toBeUndefined()
})

test('a reservation under what runs takes nothing away, and lets nothing in until it is due', () => {
  const ledger = ledgerOf(4)
  for (const name of ['a', 'a', 'a', 'b']) ledger.admit(name)
  ledger.reserve('a', 1)
  expect(ledger.check()).toBeUndefined()
  // Room of its pool, but not of the account.
  expect(ledger.admit('b')).toBe('account')
  ledger.release('a')
  expect([ledger.admit('a'), ledger.admit('b')]).toEqual(['reserved', undefined])
  ledger.release('a')
  ledger.release('a')
  expect([ledger.admit('a'), ledger.admit('a')]).toEqual([undefined, 'reserved'])
  expect(ledger.check()).toBeUndefined()
})

test('reservations beyond the account are scaled down to it', () => {
  const ledger = ledgerOf(10)
  ledger.reserve('a', 15)
  ledger.reserve('b', 5)
  expect(['a', 'b', unreservedPool].map((pool) => ledger.limit(pool))).toEqual([7, 2, 0])
})

test('events that wait are bounded by their bytes', () => {
  const ledger = ledgerOf(10)
  expect(ledger.enterQueue(900)).toBe(true)
  expect(ledger.enterQueue(101)).toBe(false)
  ledger.leaveQueue(900)
  expect(ledger.enterQueue(1000)).toBe(true)
})

test(`the ledger adds up after any calls (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const ledger = ledgerOf(7)
  const running: string[] = []
  const reserved = new Map<string, number>()
  const count = (name: string): number => running.filter((each) => each === name).length
  for (let i = 0; i < 4000; i++) {
    const name = 'abc'.charAt(below(3))
    const turn = random()
    if (turn < 0.05) {
      // Control would not let more be reserved than there is; a lowered account can.
      const next = random() < 0.4 ? undefined : below(5)
      ledger.reserve(name, next)
      if (next === undefined) reserved.delete(name)
      else reserved.set(name, next)
    } else if (turn < 0.55) {
      const sum = [...reserved.values()].reduce((a, b) => a + b, 0)
      const own = reserved.get(name)
      const due = sum > 7 ? Math.floor(((own ?? 0) * 7) / sum) : (own ?? 7 - sum)
      const used =
        own === undefined ? running.filter((each) => !reserved.has(each)).length : count(name)
      const isIn = running.length < 7 && used < due
      expect(ledger.admit(name) === undefined).toBe(isIn)
      if (isIn) running.push(name)
    } else if (running.length > 0) {
      const [ended] = running.splice(below(running.length), 1)
      ledger.release(ended ?? '')
    }
    expect(ledger.total).toBe(running.length)
    expect(ledger.executions(name)).toBe(count(name))
    expect(ledger.check()).toBeUndefined()
  }
})
