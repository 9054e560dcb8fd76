// Tests that states of transactional ids come back as they were, from a journal that stays small.
import { expect, test } from 'vitest'
import { silentLogger } from '../../common/logger.ts'
import { openStore, partitionOf, type TestStore } from '../../test/support/log-store.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { TransactionStore, transactionsTopicName } from './transaction-store.ts'
import { begun, transactionStates, type Transaction } from './transaction.ts'

async function open(
  options: Parameters<typeof openStore>[0] & { journalMaxBytes?: number } = {},
): Promise<TestStore & { transactions: TransactionStore; log: PartitionLog }> {
  const { journalMaxBytes, ...rest } = options
  const opened = await openStore(rest)
  if (opened.store.topic(transactionsTopicName) === undefined) {
    await opened.store.createTopic(transactionsTopicName, { partitions: 1, internal: true })
  }
  const log = partitionOf(opened.store, transactionsTopicName)
  const transactions = await TransactionStore.open({
    log,
    clock: opened.clock,
    logger: silentLogger,
    ...(journalMaxBytes === undefined ? {} : { journalMaxBytes }),
  })
  return { ...opened, log, transactions }
}

function transaction(transactionalId: string, more: Partial<Transaction> = {}): Transaction {
  return { ...begun(transactionalId, { producerId: 1, timeoutMs: 2, nowMs: 3 }), ...more }
}

test('every state comes back with all that belongs to it', async () => {
  const { transactions, files } = await open()
  const written = transactionStates.map((state, n) =>
    transaction(`größe ${n}`, {
      state,
      producerId: 2 ** 50 + n,
      producerEpoch: 32_767,
      partitions: new Map([
        ['t', new Set([0, 2 ** 31 - 1])],
        ['u', new Set([n])],
      ]),
      startedMs: 1_700_000_000_000 + n,
      updatedMs: 1_700_000_000_001 + n,
    }),
  )
  for (const one of written) {
    await transactions.write({ transactionalId: one.transactionalId, transaction: one })
  }
  await transactions.write({ transactionalId: 'gone', transaction: transaction('gone') })
  await transactions.write({ transactionalId: 'gone', transaction: null })
  const { transactions: again } = await open({ files: files.kill() })
  expect([...again.transactions.values()]).toEqual(written)
})

test('the journal stays small, and misses nothing that was written while it was written anew', async () => {
  const { transactions, log, files } = await open({ journalMaxBytes: 2000 })
  const ids = Array.from({ length: 10 }, (_, n) => `id ${n}`)
  let last = 0
  for (; last < 40; last++) {
    const updatedMs = last
    await Promise.all(
      ids.map((id) =>
        transactions.write({ transactionalId: id, transaction: transaction(id, { updatedMs }) }),
      ),
    )
  }
  await transactions.close()
  expect(log.logStartOffset).toBeGreaterThan(200)
  const { transactions: again } = await open({ files: files.kill() })
  expect([...again.transactions.keys()].toSorted()).toEqual(ids.toSorted())
  for (const { updatedMs } of again.transactions.values()) expect(updatedMs).toBe(last - 1)
})

test('a state that could not be written is not part of the journal when it is written anew', async () => {
  const { transactions, files } = await open({ journalMaxBytes: 1 })
  const id = 'id'
  await transactions.write({ transactionalId: id, transaction: transaction(id, { updatedMs: 1 }) })
  await transactions.close()
  files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined)
  const failed = transaction(id, { updatedMs: 2 })
  await expect(transactions.write({ transactionalId: id, transaction: failed })).rejects.toThrow(
    'ENOSPC',
  )
  files.fault = () => undefined
  await transactions.write({ transactionalId: 'other', transaction: transaction('other') })
  await transactions.close()
  const { transactions: again } = await open({ files: files.kill() })
  expect(again.transactions.get(id)?.updatedMs).toBe(1)
  expect(again.transactions.size).toBe(2)
})
