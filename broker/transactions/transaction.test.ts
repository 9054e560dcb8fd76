// Tests the state machine of a transactional id: every event in every state.
import { expect, test } from 'vitest'
import {
  begun,
  completed,
  ended,
  fenced,
  initialized,
  isForgettable,
  isTimedOut,
  transactionStates,
  withPartitions,
  writeError,
  type Transaction,
  type TransactionState,
  type Transition,
} from './transaction.ts'

const claim = { producerId: 7, producerEpoch: 0 }
const other = new Map([['u', new Set([3])]])
const place = { topic: 't', partition: 0 }

function inState(state: TransactionState, more: Partial<Transaction> = {}): Transaction {
  const fresh = begun('id', { producerId: 7, timeoutMs: 1000, nowMs: 5 })
  const isOpen = state === 'Ongoing' || state.startsWith('Prepare')
  const partitions = isOpen ? new Map([['t', new Set([0])]]) : fresh.partitions
  return { ...fresh, state, partitions, startedMs: 5, ...more }
}

/** The state after the event, `stays`, or the error. */
function outcome(transition: Transition): string {
  if (!transition.ok) return transition.error
  return transition.next?.state ?? 'stays'
}

const initialize = (transaction: Transaction): Transition =>
  initialized(transaction, { timeoutMs: 1000, nowMs: 9, held: undefined })
const events: Readonly<Record<string, (transaction: Transaction) => Transition>> = {
  initialize,
  add: (t) => withPartitions(t, claim, { partitions: other, nowMs: 9 }),
  commit: (t) => ended(t, claim, { isCommit: true, nowMs: 9 }),
  abort: (t) => ended(t, claim, { isCommit: false, nowMs: 9 }),
}
const concurrent = 'CONCURRENT_TRANSACTIONS'
const invalid = 'INVALID_TXN_STATE'

test.each<[TransactionState, string, string, string, string]>([
  ['Empty', 'Empty', 'Ongoing', invalid, invalid],
  ['Ongoing', 'PrepareAbort', 'Ongoing', 'PrepareCommit', 'PrepareAbort'],
  ['PrepareCommit', concurrent, concurrent, concurrent, invalid],
  ['PrepareAbort', concurrent, concurrent, invalid, concurrent],
  ['CompleteCommit', 'Empty', 'Ongoing', 'stays', invalid],
  ['CompleteAbort', 'Empty', 'Ongoing', invalid, 'stays'],
])('%s: initialize → %s, add → %s, commit → %s, abort → %s', (state, ...expected) => {
  expect(transactionStates).toContain(state)
  const outcomes = Object.values(events).map((event) => outcome(event(inState(state))))
  expect(outcomes).toEqual(expected)
})

test.each(transactionStates)(
  'in %s an older epoch is fenced and another id is not mapped',
  (state) => {
    const transaction = inState(state, { producerEpoch: 1 })
    expect(outcome(ended(transaction, claim, { isCommit: true, nowMs: 9 }))).toBe('PRODUCER_FENCED')
    expect(writeError(transaction, claim, place)).toBe('PRODUCER_FENCED')
    const stranger = { producerId: 8, producerEpoch: 1 }
    const added = { partitions: other, nowMs: 9 }
    expect(outcome(withPartitions(transaction, stranger, added))).toBe(
      'INVALID_PRODUCER_ID_MAPPING',
    )
    expect(writeError(transaction, stranger, place)).toBe('INVALID_PRODUCER_ID_MAPPING')
  },
)

test('only partitions of the open transaction may be written to', () => {
  expect(writeError(inState('Ongoing'), claim, place)).toBeUndefined()
  expect(writeError(inState('Ongoing'), claim, { topic: 't', partition: 1 })).toBe(invalid)
  expect(writeError(inState('Ongoing'), claim, { topic: 'u', partition: 0 })).toBe(invalid)
  expect(writeError(inState('Empty'), claim, place)).toBe(invalid)
  expect(writeError(inState('CompleteCommit'), claim, place)).toBe(invalid)
  expect(writeError(inState('PrepareCommit'), claim, place)).toBe(concurrent)
})

test('partitions gather, once each; what is in already needs no record', () => {
  const added = withPartitions(inState('Ongoing'), claim, { partitions: other, nowMs: 9 })
  expect(added.ok && added.next?.partitions).toEqual(
    new Map([
      ['t', new Set([0])],
      ['u', new Set([3])],
    ]),
  )
  const again = { partitions: new Map([['t', new Set([0])]]), nowMs: 9 }
  expect(withPartitions(inState('Ongoing'), claim, again)).toEqual({ ok: true })
})

test('a transaction that begins after another has its own partitions and its own start', () => {
  const over = completed(inState('PrepareCommit'), 8)
  expect(over).toMatchObject({ state: 'CompleteCommit', partitions: new Map(), updatedMs: 8 })
  const next = withPartitions(over, claim, { partitions: other, nowMs: 9 })
  expect(next.ok && next.next).toMatchObject({ partitions: other, startedMs: 9 })
})

test('each InitProducerId gives the next epoch, and the request sent again the same one', () => {
  const first = initialize(inState('CompleteAbort'))
  if (!first.ok || first.next === undefined) throw new Error('it is given')
  expect(first.next).toMatchObject({ producerId: 7, producerEpoch: 1, lastProducerEpoch: 0 })
  const asked = { timeoutMs: 1000, nowMs: 9 }
  expect(initialized(first.next, { ...asked, held: claim })).toEqual({ ok: true })
  const current = { producerId: 7, producerEpoch: 1 }
  expect(initialized(first.next, { ...asked, held: current })).toMatchObject({
    next: { producerEpoch: 2, lastProducerEpoch: 1 },
  })
  const older = { ...inState('Empty', { producerEpoch: 5, lastProducerEpoch: 4 }) }
  expect(outcome(initialized(older, { ...asked, held: claim }))).toBe('PRODUCER_FENCED')
  const stranger = { producerId: 8, producerEpoch: 5 }
  expect(outcome(initialized(older, { ...asked, held: stranger }))).toBe('PRODUCER_FENCED')
})

test('a producer whose transaction was aborted for it cannot go on with its epoch', () => {
  const aborted = completed(fenced(inState('Ongoing'), 9), 9)
  expect(aborted).toMatchObject({ state: 'CompleteAbort', producerEpoch: 1 })
  expect(outcome(ended(aborted, claim, { isCommit: true, nowMs: 9 }))).toBe('PRODUCER_FENCED')
  const asked = { timeoutMs: 1000, nowMs: 9, held: claim }
  expect(outcome(initialized(aborted, asked))).toBe('PRODUCER_FENCED')
})

test('when the epochs are used up there is a new id, with epoch 0', () => {
  const last = inState('CompleteCommit', { producerEpoch: 32_766 })
  const given = initialized(last, { timeoutMs: 1000, nowMs: 9, held: undefined, newId: 50 })
  expect(given).toMatchObject({ next: { producerId: 50, producerEpoch: 0, lastProducerEpoch: -1 } })
  expect(fenced({ ...last, state: 'Ongoing' }, 9).producerEpoch).toBe(32_767)
})

test('only an open transaction times out, and only an idle id is forgotten', () => {
  const timedOut = transactionStates.filter((state) => isTimedOut(inState(state), 1006))
  expect(timedOut).toEqual(['Ongoing'])
  expect(isTimedOut(inState('Ongoing'), 1005)).toBe(false)
  const forgettable = transactionStates.filter((state) => isForgettable(inState(state), 5))
  expect(forgettable).toEqual(['Empty', 'CompleteCommit', 'CompleteAbort'])
  expect(isForgettable(inState('Empty'), 4)).toBe(false)
})
