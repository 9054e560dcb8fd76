// Tests the account's ledger against a plain count, with random calls.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { ConcurrencyLedger } from './concurrency.ts'

const ledgerOf = (accountConcurrency: number) =>
  new ConcurrencyLedger({ accountConcurrency, waitingMaxBytes: 1000 })

test('the account limit holds over all functions together', () => {
  const ledger = ledgerOf(2)
  expect([ledger.admit('a'), ledger.admit('b'), ledger.admit('a')]).toEqual([true, true, false])
  ledger.release('b')
  expect(ledger.admit('a')).toBe(true)
  expect(ledger.executions('a')).toBe(2)
  expect(ledger.executions('b')).toBe(0)
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
  const ledger = ledgerOf(7)
  const running: string[] = []
  for (let i = 0; i < 2000; i++) {
    if (random() < 0.55) {
      const name = 'abc'.charAt(Math.floor(random() * 3))
      expect(ledger.admit(name)).toBe(running.length < 7)
      if (running.length < 7) running.push(name)
    } else if (running.length > 0) {
      const [name] = running.splice(Math.floor(random() * running.length), 1)
      ledger.release(name ?? '')
    }
    expect(ledger.total).toBe(running.length)
    expect(ledger.check()).toBeUndefined()
  }
})
