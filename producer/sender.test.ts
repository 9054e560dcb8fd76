// Tests order per key, retries, bounds and counts of the sender, with a transport in memory.
import { expect, test } from 'vitest'
import * as limits from '../common/limits.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import type { BatchTransport, SendOutcome } from './batch-transport.ts'
import type { SourceRecord } from './record-source.ts'
import { Sender } from './sender.ts'

const acknowledged: SendOutcome = { kind: 'acknowledged' }
const unavailable: SendOutcome = { kind: 'unavailable', reason: 'gone' }

/** Holds every batch until the test decides on it. */
class HeldTransport implements BatchTransport {
  readonly attempts: {
    records: readonly SourceRecord[]
    decide: (outcome: SendOutcome) => void
  }[] = []

  send(records: readonly SourceRecord[]): Promise<SendOutcome> {
    return new Promise((decide) => this.attempts.push({ records, decide }))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async decide(outcome: SendOutcome): Promise<readonly SourceRecord[]> {
    const attempt = this.attempts.shift()
    attempt?.decide(outcome)
    await settle()
    return attempt?.records ?? []
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function setUp(inFlightMaxBytes = 1_000_000) {
  const [clock, transport] = [new ManualClock(), new HeldTransport()]
  const sender = new Sender({ transport, clock, topic: 't', inFlightMaxBytes })
  return { clock, transport, sender }
}

function record(key: string | null, value: string | number = ''): SourceRecord {
  return { key, value: Buffer.from(String(value)) }
}

const valuesOf = (records: readonly SourceRecord[]): string[] =>
  records.map(({ value }) => value.toString())

test('what is offered while a batch is on the way follows together in one batch', async () => {
  const { transport, sender } = setUp()
  sender.offer([record('a', 1)])
  sender.offer([record('a', 2), record('a', 3)])
  sender.offer([record('a', 4)])
  expect(transport.attempts).toHaveLength(1)
  expect(valuesOf(await transport.decide(acknowledged))).toEqual(['1'])
  expect(valuesOf(await transport.decide(acknowledged))).toEqual(['2', '3', '4'])
  expect(sender.counts()).toMatchObject({ sent: 4, acknowledged: 4, failed: 0 })
})

test('a batch that fails goes again before later records of its keys', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  sender.offer([record('a', 2)])
  expect(valuesOf(await transport.decide(unavailable))).toEqual(['1'])
  expect(transport.attempts).toHaveLength(0)
  expect(sender.counts()).toMatchObject({ sent: 2, acknowledged: 0, failed: 0, trouble: 'gone' })
  clock.advance(200)
  await settle()
  expect(valuesOf(await transport.decide(acknowledged))).toEqual(['1'])
  expect(valuesOf(await transport.decide(acknowledged))).toEqual(['2'])
  expect(sender.counts()).toMatchObject({ acknowledged: 2, trouble: undefined })
})

test('the order per key holds whatever fails, with many keys', async () => {
  const seed = Number(process.env['SEED'] ?? 7)
  let state = seed
  const random = (bound: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
  const { clock, transport, sender } = setUp()
  const log: string[] = []
  let next = 0
  for (let round = 0; round < 500; round++) {
    sender.offer(Array.from({ length: random(5) }, () => record(`k${random(20)}`, next++)))
    const outcome = random(3) === 0 ? unavailable : acknowledged
    const records = await transport.decide(outcome)
    // What was unavailable may have been written all the same.
    if (outcome.kind === 'acknowledged' || random(2) === 0) {
      log.push(...records.map(({ key, value }) => `${key} ${value.toString()}`))
    }
    clock.advance(random(400))
    await settle()
  }
  while (transport.attempts.length > 0) {
    const records = await transport.decide(acknowledged)
    log.push(...records.map(({ key, value }) => `${key} ${value.toString()}`))
    clock.advance(200)
    await settle()
  }
  const firsts = [...new Set(log)].map((line) => line.split(' '))
  expect(firsts).toHaveLength(next)
  for (const values of Map.groupBy(firsts, ([key]) => key).values()) {
    const numbers = values.map(([, value]) => Number(value))
    expect(numbers, `SEED=${seed}`).toEqual(numbers.toSorted((a, b) => a - b))
  }
})

test('keys are spread over two batches on the way', () => {
  const { transport, sender } = setUp()
  sender.offer(Array.from({ length: 100 }, (_, i) => record(`k${i}`)))
  expect(transport.attempts).toHaveLength(2)
  expect(Math.min(...transport.attempts.map(({ records }) => records.length))).toBeGreaterThan(30)
})

test('a batch is no larger than a request may be, but a record goes however large', async () => {
  const { transport, sender } = setUp(10_000_000)
  const large = Buffer.alloc(400_000)
  const values = [400_000, 400_000, 400_000, 2_000_000].map((size) =>
    size === 400_000 ? large : Buffer.alloc(size),
  )
  sender.offer(values.map((value) => ({ key: 'a', value })))
  const sizes: number[] = []
  while (transport.attempts.length > 0) sizes.push((await transport.decide(acknowledged)).length)
  expect(sizes).toEqual([2, 1, 1])
  expect(limits.producerRequestMaxBytes).toBeLessThan(limits.recordBatchMaxBytes)
})

test('there is no room beyond the bounds of records and bytes, and room again after', async () => {
  const { transport, sender } = setUp(1000)
  expect(sender.room).toBe(limits.producerInFlightMaxRecords)
  sender.offer([record('a', 'x'.repeat(999))])
  expect(sender.room).toBe(0)
  await transport.decide(acknowledged)
  expect(sender.room).toBe(limits.producerInFlightMaxRecords)
  sender.offer(Array.from({ length: limits.producerInFlightMaxRecords }, () => record(null)))
  expect(sender.room).toBe(0)
})

test('what the broker refuses has failed, with its reason, and the rest goes on', async () => {
  const { transport, sender } = setUp()
  sender.offer([record('a', 1)])
  sender.offer([record('a', 2)])
  await transport.decide({ kind: 'refused', reason: 'too large' })
  await transport.decide(acknowledged)
  expect(sender.counts()).toMatchObject({ acknowledged: 1, failed: 1, failure: 'too large' })
})

test('acknowledgement is timed from offering a record, its wait for the lane included', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  clock.advance(10)
  sender.offer([record('a', 2)])
  await transport.decide(acknowledged)
  clock.advance(90)
  await transport.decide(acknowledged)
  expect(sender.counts()).toMatchObject({ p50Ms: 10, p99Ms: 90, acknowledgedBytes: 4 })
})

test('draining waits for acknowledgements and then ends at once', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  let drained = false
  const draining = sender.drain(10_000).then(() => (drained = true))
  await settle()
  expect(drained).toBe(false)
  await transport.decide(acknowledged)
  await draining
  expect(sender.counts()).toMatchObject({ acknowledged: 1, failed: 0 })
  expect(clock.timers).toBe(0)
})

test('what is not acknowledged when draining ends has failed, and comes no more', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  sender.offer([record('a', 2)])
  const draining = sender.drain(10_000)
  clock.advance(10_000)
  await draining
  await transport.decide(acknowledged)
  expect(transport.attempts).toHaveLength(0)
  expect(sender.counts()).toMatchObject({
    acknowledged: 0,
    failed: 2,
    failure: 'not acknowledged in time',
  })
})

test('it gives up when the very first batch stays unavailable', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  for (let waitedMs = 0; waitedMs <= limits.producerFirstAcknowledgementMs; waitedMs += 200) {
    expect(sender.gaveUp).toBeUndefined()
    await transport.decide(unavailable)
    clock.advance(200)
    await settle()
  }
  expect(sender.gaveUp?.message).toBe('topic t: gone')
  expect(sender.counts()).toMatchObject({ failed: 1, failure: 'gone' })
})

test('it does not give up once something was acknowledged', async () => {
  const { clock, transport, sender } = setUp()
  sender.offer([record('a', 1)])
  await transport.decide(acknowledged)
  sender.offer([record('a', 2)])
  for (let attempt = 0; attempt < 100; attempt++) {
    await transport.decide(unavailable)
    clock.advance(1000)
    await settle()
  }
  expect(sender.gaveUp).toBeUndefined()
  await transport.decide(acknowledged)
  expect(sender.counts()).toMatchObject({ acknowledged: 2, failed: 0 })
})
