// Tests what AWS was recorded to do with records of a Kinesis stream that a function fails on.
import { expect, test } from 'vitest'
import { silentLogger } from '../common/logger.ts'
import { payloadMaxBytes } from '../common/limits.ts'
import { compileCriteria } from '../filter/criteria.ts'
import type { Batch, Discard, Effect, MappingRules } from './batch.ts'
import { streamFrame } from './event.ts'
import { streamFailuresOf } from './item-failures.ts'
import { judge } from './judgement.ts'
import { MappingCounters } from './mapping-counters.ts'
import { Mapping } from './mapping.ts'
import { noFailureRules, type FailureRules } from './retry-policy.ts'
import type { SourceRecord } from './sources/source.ts'

const frame = streamFrame(
  {
    eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/laps',
    awsRegion: 'eu-west-1',
    invokeIdentityArn: 'arn:aws:iam::123456789012:role/role',
  },
  'laps',
)

/** What the function returns as JSON text; undefined where it throws. */
type Handler = (numbers: readonly string[]) => string | undefined

class Stage {
  nowMs = 1_000_000
  readonly counters = new MappingCounters()
  /** The sequence numbers of each invocation. */
  readonly invoked: string[][] = []
  readonly discards: Discard[] = []
  committed = 0
  readonly #mapping: Mapping
  readonly #rules: MappingRules

  constructor(failure: Partial<FailureRules>, batchSize = 3) {
    const compiled = compileCriteria([], 'data')
    if (!compiled.ok) throw new Error(compiled.reason)
    this.#rules = {
      batchSize,
      windowMs: 0,
      payloadMaxBytes,
      frame,
      criteria: compiled.criteria,
      drawsOnOneLane: true,
      pollersMin: 1,
      pollersMax: 1,
      invocationsPerPoller: 100,
      bufferMaxBytes: 1_000_000_000,
      commitIntervalMs: 0,
      failure: { ...noFailureRules, destination: 'dead', ...failure },
    }
    this.#mapping = new Mapping(this.#rules, this.counters, () => 0.5)
    this.#mapping.assigned([0, 1], false)
  }

  arrive(offsets: readonly number[], { ageMs = 0, size = 1, shard = 0 } = {}): void {
    const records = offsets.map((offset): SourceRecord => {
      const shardId = `shardId-00000000000${shard}`
      const stream = { shardId, sequenceNumber: `n${offset}`, partitionKey: 'k' }
      const when = { timestampMs: this.nowMs - ageMs, timestampType: 'LOG_APPEND_TIME' as const }
      const [value, headers] = [Buffer.alloc(size), [] as const]
      return { topic: 'laps', partition: shard, offset, ...when, key: null, value, headers, stream }
    })
    const nextOffset = (offsets.at(-1) ?? 0) + 1
    const run = { partition: shard, records, nextOffset, endOffset: nextOffset }
    this.#mapping.recordsArrived(run, this.nowMs)
  }

  runFor(ms: number, handler: Handler): void {
    const endMs = this.nowMs + ms
    for (;;) {
      const effects: Effect[] = [...this.#mapping.tick(this.nowMs)]
      for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
        this.#run(effect, handler)
        effects.push(...this.#mapping.tick(this.nowMs))
      }
      const wakeMs = this.#mapping.wakeMs ?? Infinity
      if (wakeMs > endMs) break
      this.nowMs = Math.max(this.nowMs, wakeMs)
    }
    this.nowMs = endMs
  }

  #run(effect: Effect, handler: Handler): void {
    if (effect.kind === 'invoke') this.#invoke(effect.batch, handler)
    if (effect.kind === 'discard') {
      this.discards.push(effect.discard)
      this.#mapping.discardEnded(effect.discard, true, this.nowMs)
    }
    if (effect.kind === 'commit') {
      this.committed = effect.offsets.get(0) ?? this.committed
      this.#mapping.commitEnded(true, this.nowMs)
    }
  }

  #invoke(batch: Batch, handler: Handler): void {
    expect(batch.groups).toHaveLength(1)
    const numbers = batch.groups.flatMap(({ records }) =>
      records.map(({ content }) => content.stream?.sequenceNumber ?? ''),
    )
    this.invoked.push(numbers)
    const answer = handler(numbers)
    const failed = answer === undefined ? { functionError: 'Unhandled' as const } : {}
    const judged = judge(
      {
        outcome: 'completed',
        requestId: 'r',
        executedVersion: '$LATEST',
        payload: answer ?? '{}',
        ...failed,
      },
      batch,
      { rules: this.#rules, logger: silentLogger },
    )
    this.#mapping.batchEnded(batch, judged.outcome, this.nowMs, judged.report)
    this.#mapping.check()
  }
}

const naming = (...identifiers: unknown[]): string =>
  JSON.stringify({ batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) })
const names = (discard: Discard | undefined): string[] =>
  discard?.groups.flatMap(({ records }) =>
    records.map(({ content }) => content.stream?.sequenceNumber ?? ''),
  ) ?? []
const hour = 3_600_000

test('retries begin anew behind a checkpoint in the batch: a bad last record of three is seen five times', () => {
  const stage = new Stage({ retriesMax: 3, reportsItemFailures: true })
  stage.arrive([0, 1, 2])
  stage.runFor(hour, () => naming('n2'))
  expect(stage.invoked).toEqual([['n0', 'n1', 'n2'], ['n2'], ['n2'], ['n2'], ['n2']])
  expect(stage.discards).toHaveLength(1)
  expect(stage.discards[0]).toMatchObject({ attempts: 4, condition: 'RetryAttemptsExhausted' })
  expect(names(stage.discards[0])).toEqual(['n2'])
  // Recorded: null where records were named, and "Unhandled" where it threw.
  expect(stage.discards[0]?.report?.functionError).toBeNull()
  expect(stage.committed).toBe(3)
})

test('all from the lowest number that is named on is sent again, and what is before it is done', () => {
  const stage = new Stage({ reportsItemFailures: true }, 5)
  stage.arrive([0, 1, 2, 3, 4])
  let isFirst = true
  stage.runFor(hour, () => {
    const answer = isFirst ? naming('n4', 'n2') : '{}'
    isFirst = false
    return answer
  })
  expect(stage.invoked).toEqual([
    ['n0', 'n1', 'n2', 'n3', 'n4'],
    ['n2', 'n3', 'n4'],
  ])
  expect(stage.counters.failedInvokeEvents).toBe(3)
})

test.each([[1], [2]])(
  'with %d retries a function that throws gets a batch once more',
  (retriesMax) => {
    const stage = new Stage({ retriesMax })
    stage.arrive([0, 1])
    stage.runFor(hour, () => undefined)
    expect(stage.discards[0]).toMatchObject({ attempts: retriesMax + 1 })
    expect(stage.discards[0]?.report?.functionError).toBe('Unhandled')
    expect(names(stage.discards[0])).toEqual(['n0', 'n1'])
  },
)

test('with an age of a minute a function that fails at once gets a record eight times at most', () => {
  const stage = new Stage({ recordAgeMaxMs: 60_000 })
  stage.arrive([0])
  stage.runFor(hour, () => undefined)
  expect(stage.discards[0]).toMatchObject({ condition: 'RecordAgeExceeded' })
  expect([6, 7, 8]).toContain(stage.invoked.length)
})

test('records that are too old are cut out of a batch, and the young rest is delivered', () => {
  const stage = new Stage({ recordAgeMaxMs: 60_000 }, 4)
  stage.arrive([0, 1], { ageMs: 61_000 })
  stage.arrive([2, 3])
  stage.runFor(1000, () => '{}')
  expect(stage.invoked).toEqual([['n2', 'n3']])
  expect(stage.discards).toHaveLength(1)
  expect(stage.discards[0]).toMatchObject({ condition: 'RecordAgeExceeded', report: undefined })
  expect(names(stage.discards[0])).toEqual(['n0', 'n1'])
  expect(stage.committed).toBe(4)
})

test('a batch that throws is halved without using up retries; one that names is cut at the number', () => {
  const thrown = new Stage({ retriesMax: 1, bisects: true }, 4)
  thrown.arrive([0, 1, 2, 3])
  thrown.runFor(hour, (numbers) => (numbers.includes('n3') ? undefined : '{}'))
  expect(thrown.invoked.slice(0, 3)).toEqual([
    ['n0', 'n1', 'n2', 'n3'],
    ['n0', 'n1'],
    ['n2', 'n3'],
  ])
  expect(thrown.discards.map(names)).toEqual([['n3']])
  expect(thrown.discards[0]?.attempts).toBe(2)
  const named = new Stage({ retriesMax: 1, bisects: true, reportsItemFailures: true }, 4)
  named.arrive([0, 1, 2, 3])
  named.runFor(hour, (numbers) => (numbers.includes('n2') ? naming('n2') : '{}'))
  expect(named.invoked).toEqual([['n0', 'n1', 'n2', 'n3'], ['n2', 'n3'], ['n2'], ['n2'], ['n3']])
})

test('a record that no event can hold goes to the destination by itself, and the others on', () => {
  const stage = new Stage({}, 3)
  stage.arrive([0])
  stage.arrive([1], { size: payloadMaxBytes })
  stage.arrive([2])
  stage.runFor(1000, () => '{}')
  expect(stage.invoked.flat()).toEqual(['n0', 'n2'])
  expect(stage.discards.map(names)).toEqual([['n1']])
  expect(stage.committed).toBe(3)
})

test('each shard has batches of its own, side by side', () => {
  const stage = new Stage({}, 10)
  stage.arrive([0, 1])
  stage.arrive([7, 8], { shard: 1 })
  stage.runFor(1000, () => '{}')
  expect(new Set(stage.invoked)).toEqual(
    new Set([
      ['n0', 'n1'],
      ['n7', 'n8'],
    ]),
  )
})

test('recorded answers of a function fail all of a batch, or nothing of it', () => {
  const records = ['n0', 'n1'].map((sequenceNumber, offset) => ({
    offset,
    timestampMs: 0,
    sizeBytes: 1,
    content: { stream: { sequenceNumber } },
  }))
  const groups = [{ partition: 0, records }] as unknown as Batch['groups']
  const successes = ['""', '[]', 'null', '{}', naming(), '{"batchItemFailures":null}']
  for (const payload of successes) expect(streamFailuresOf(payload, groups)).toBe('none')
  const foreign = '{"batchItemFailures":[{"foo":"n1"}]}'
  const failures = [naming(''), naming(null), naming('n7'), naming(123), foreign, naming('n1', '')]
  for (const payload of failures) expect(streamFailuresOf(payload, groups)).toBe('all')
  expect(streamFailuresOf(naming('n1'), groups)).toEqual(new Set([records[1]]))
})
