// What every quota of concurrency must do for a copy that is alone: one suite for each implementation.
import { expect, onTestFinished, test } from 'vitest'
import type { AccountQuota } from '../../workers/account-quota.ts'
import { ConcurrencyLedger } from '../../workers/concurrency.ts'

/** A copy of the workers as far as concurrency goes: its ledger, and invocations that may come in. */
export class QuotaCopy {
  readonly ledger: ConcurrencyLedger
  readonly #quota: AccountQuota

  constructor(quota: AccountQuota, accountConcurrency: number) {
    this.#quota = quota
    this.ledger = new ConcurrencyLedger({ accountConcurrency, waitingMaxBytes: 0 }, quota)
  }

  /** How many of `count` invocations that come at once are let in. */
  async admit(functionName: string, count: number): Promise<number> {
    const refusals = await Promise.all(
      Array.from({ length: count }, () => this.ledger.admitOrAsk(functionName)),
    )
    expect(this.ledger.check()).toBeUndefined()
    return refusals.filter((refusal) => refusal === undefined).length
  }

  release(functionName: string, count: number): void {
    for (let i = 0; i < count; i++) this.ledger.release(functionName)
  }

  stop(): Promise<void> {
    return this.#quota.stop()
  }
}

/** `create` gives the quota of a copy that has no others. */
export function quotaContract(name: string, create: () => Promise<AccountQuota>): void {
  const open = async (accountConcurrency: number): Promise<QuotaCopy> => {
    const copy = new QuotaCopy(await create(), accountConcurrency)
    onTestFinished(() => copy.stop())
    return copy
  }

  test(`${name}: a copy that is alone has all of the account, and no more`, async () => {
    const copy = await open(10)
    expect(await copy.admit('f', 12)).toBe(10)
    copy.release('f', 4)
    expect(await copy.admit('g', 5)).toBe(4)
  })

  test(`${name}: a reservation is its function's alone, and its bound`, async () => {
    const copy = await open(10)
    copy.ledger.reserve('reserved', 3)
    expect(await copy.admit('other', 12)).toBe(7)
    expect(await copy.admit('reserved', 5)).toBe(3)
    expect(await copy.ledger.admitOrAsk('reserved')).toBe('reserved')
    expect(await copy.ledger.admitOrAsk('other')).toBe('account')
    copy.release('reserved', 1)
    expect(await copy.admit('other', 1)).toBe(0)
    expect(await copy.admit('reserved', 2)).toBe(1)
  })

  test(`${name}: 0 lets nothing in, and a reservation that ends gives its function to the rest`, async () => {
    const copy = await open(4)
    copy.ledger.reserve('f', 0)
    expect(await copy.admit('f', 2)).toBe(0)
    copy.ledger.reserve('f', 1)
    expect(await copy.admit('f', 2)).toBe(1)
    copy.ledger.reserve('f', undefined)
    expect(await copy.admit('f', 5)).toBe(3)
    copy.release('f', 4)
    expect(copy.ledger.total).toBe(0)
  })

  test(`${name}: after any ups and downs all of each pool can be had again`, async () => {
    const copy = await open(9)
    copy.ledger.reserve('reserved', 4)
    for (let round = 0; round < 20; round++) {
      const count = (round % 5) + 1
      expect(await copy.admit('reserved', count)).toBe(Math.min(count, 4))
      expect(await copy.admit('other', count)).toBe(count)
      copy.release('reserved', Math.min(count, 4))
      copy.release('other', count)
    }
    expect(await copy.admit('reserved', 9)).toBe(4)
    expect(await copy.admit('other', 9)).toBe(5)
  })
}
