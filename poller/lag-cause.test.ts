// Tests that each cause of a lag is named where it holds it up, and no other.
import { expect, test } from 'vitest'
import { judgeLag, type LagCircumstances, type LaneLook, type Look } from './lag-cause.ts'

const quiet: Look = {
  atMs: 0,
  partitions: 4,
  lanes: [],
  throttles: 0,
  polledBytes: 0,
  invocationMs: 0,
  roomWaitMs: 0,
  invocationsInFlight: 0,
  invocationsMax: 10,
  pollers: 2,
  pollersMost: 4,
}

function lane(partition: number, records: number, change: Partial<LaneLook> = {}): LaneLook {
  const free = { isInFlight: false, failures: 0, isThrottled: false, isUndelivered: false }
  return { partition, offset: 70, records, ageMs: 20_000, ...free, ...change }
}

/** Six looks, a second apart, of a lag that grows by `growth` records a second in each lane. */
function looks(change: Partial<Look>, growth = 100): readonly Look[] {
  return Array.from({ length: 6 }, (_, second) => lookAt(second, change, growth))
}

function lookAt(second: number, change: Partial<Look>, growth: number): Look {
  const look = { ...quiet, ...change }
  const lanes: LaneLook[] = []
  for (const each of look.lanes) {
    lanes.push({ ...each, records: Math.max(0, each.records + (second - 5) * growth) })
  }
  return { ...look, atMs: second * 1000, lanes }
}

function causeOf(seen: readonly Look[], circumstances: LagCircumstances = {}): string {
  return judgeLag({ windowMs: 500 }, seen, circumstances).cause
}

const all = (change: Partial<LaneLook> = {}): readonly LaneLook[] =>
  [0, 1, 2, 3].map((partition) => lane(partition, 5000, change))
const busy = { isInFlight: true }
const full = { invocationsInFlight: 10, invocationsMax: 10 }

test.each<[string, readonly Look[], string, LagCircumstances?]>([
  ['nothing waits', looks({}), 'none'],
  ['what waits is younger than the window', looks({ lanes: all({ ageMs: 400 }) }), 'none'],
  ['nothing was read yet of what is there', looks({ lanes: all({ ageMs: undefined }) }), 'reading'],
  ['the source is away', looks({}), 'source-unreachable', { sourceProblem: 'no broker answers' }],
  ['no function', looks({ lanes: all() }), 'function-unreachable', { functionProblem: 'no f' }],
  ['no function, and nothing to send it', looks({}), 'none', { functionProblem: 'no f' }],
  [
    'half of it waits for a destination that takes nothing',
    looks({ lanes: [lane(0, 5000, { ...busy, isUndelivered: true }), lane(1, 5000, busy)] }),
    'destination-unreachable',
    { destinationProblem: 'no queue' },
  ],
  [
    'little of it waits for a destination',
    looks({ lanes: [lane(0, 1000, { ...busy, isUndelivered: true }), ...all(busy).slice(1)] }),
    'slow-handler',
    { destinationProblem: 'no queue' },
  ],
  [
    'half of it was refused, and waits for its next try',
    looks({ lanes: [lane(0, 5000, { ...busy, isThrottled: true }), lane(1, 5000, busy)] }),
    'throttled',
  ],
  [
    'half of it waits behind a batch that fails',
    looks({ lanes: [lane(0, 5000, { failures: 3 }), lane(1, 5000, busy)] }),
    'poison-record',
  ],
  [
    'little waits behind a batch that fails',
    looks({ lanes: [lane(0, 1000, { failures: 3 }), ...all(busy).slice(1)] }),
    'slow-handler',
  ],
  ['all lanes run', looks({ lanes: all(busy), ...full }), 'slow-handler'],
  ['it falls', looks({ lanes: all(busy), ...full }, -200), 'catching-up'],
  ['it falls by next to nothing', looks({ lanes: all(busy) }, -0.1), 'slow-handler'],
  [
    'one lane has most of it and runs',
    looks({ lanes: [lane(0, 50_000, busy), lane(1, 600, busy)] }),
    'hot-partition',
  ],
  [
    'a topic of one partition has no hot one',
    looks({ partitions: 1, lanes: [lane(0, 5000, busy)] }),
    'slow-handler',
  ],
  [
    'no room, and no more pollers',
    looks({ lanes: all(), ...full, pollers: 4 }),
    'pollers-at-maximum',
  ],
  ['no room, and more pollers to come', looks({ lanes: all(), ...full }), 'scaling'],
  ['room, and lanes that do not run', looks({ lanes: all() }), 'reading'],
])('%s', (_, seen, cause, circumstances) => {
  expect(causeOf(seen, circumstances)).toBe(cause)
})

test('waiting for room for half of the time is a throttle, by the limit of environments', () => {
  const of = { lanes: all(busy), ...full }
  const waiting = (roomWaitMs: number) =>
    [0, 1].map((second) =>
      lookAt(
        second,
        { ...of, invocationMs: 5000 + second * 1000, roomWaitMs: second * roomWaitMs },
        0,
      ),
    )
  expect(causeOf(waiting(499))).toBe('slow-handler')
  const { cause, detail } = judgeLag({ windowMs: 500 }, waiting(800))
  expect([cause, detail]).toEqual([
    'throttled',
    '80 % of the time of invocations they wait for an execution environment, of which --workers-max allows no more',
  ])
})

test('throttles count while they go on, whatever else is so', () => {
  const of = { lanes: all(busy), ...full }
  const seen = [0, 1, 2, 3].map((second) => lookAt(second, { ...of, throttles: second }, 100))
  const { cause, detail } = judgeLag({ windowMs: 500 }, seen, {
    throttleReason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
  expect(cause).toBe('throttled')
  expect(detail).toContain('ReservedFunctionConcurrentInvocationLimitExceeded')
  expect(causeOf(looks({ ...of, throttles: 7 }))).toBe('slow-handler')
})

test('what is named says where it is, and what to look at', () => {
  const detailOf = (lanes: readonly LaneLook[], circumstances: LagCircumstances = {}): string =>
    judgeLag({ windowMs: 500 }, looks({ lanes }, 0), circumstances).detail
  const failing = [lane(2, 50, { failures: 1 }), lane(3, 10)]
  expect(detailOf(failing, { functionError: 'Sandbox.Timedout: after 1.00 seconds' })).toBe(
    'partition 2 from offset 70 on: its batch has failed 1 time and is sent again, last with ' +
      'Sandbox.Timedout: after 1.00 seconds; 50 of 60 records wait behind such batches',
  )
  const more = [lane(2, 50, { failures: 2 }), lane(3, 10, { failures: 3 })]
  expect(detailOf(more)).toBe(
    'partition 3 from offset 70 on, and 1 more: its batch has failed 3 times and is sent again; ' +
      '60 of 60 records wait behind such batches',
  )
  expect(detailOf([lane(2, 50, { isThrottled: true })], { throttleReason: 'Limit' })).toBe(
    'refused by Limit, 1 partition to be tried again',
  )
  const stuck = [lane(2, 50, { isUndelivered: true })]
  expect(detailOf(stuck, { destinationProblem: 'no queue' })).toBe(
    'no queue; 1 partition with 50 of 50 records wait for it',
  )
  const alone = judgeLag({ windowMs: 500 }, looks({ partitions: 1, lanes: [lane(0, 50, busy)] }, 0))
  expect(alone.detail).toContain('the one partition that is behind has a batch with the function')
})

test('says how much it is, how old and where it goes', () => {
  expect(judgeLag({ windowMs: 0 }, looks({ lanes: all() }, -200))).toEqual({
    atMs: 5000,
    cause: 'catching-up',
    detail: '20000 records, 800 less each second: about 25 s',
    records: 20_000,
    ageMs: 20_000,
    trendPerSecond: -800,
  })
  expect(judgeLag({ windowMs: 0 }, looks({ lanes: all() }).slice(-1)).trendPerSecond).toBe(0)
})
