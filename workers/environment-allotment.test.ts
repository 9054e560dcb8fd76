// Tests who gets the next environment, and simulates functions that compete for a few.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { allot, type PoolState } from './environment-allotment.ts'

const limits = {
  environmentsMax: 4,
  warmPreferenceMaxMs: 100,
  comingMax: 2,
  startPatienceMs: 0,
}

function pool(state: Partial<PoolState>): PoolState {
  return {
    environments: 0,
    idle: 0,
    starting: 0,
    ending: 0,
    coming: 0,
    upSinceMs: undefined,
    lastUsedMs: 0,
    isKept: false,
    waiting: 1,
    times: { usualMs: undefined, begunBefore: () => 0 },
    waitingSinceMs: undefined,
    queuedSinceMs: undefined,
    ...state,
  }
}

test('nothing happens when nobody waits', () => {
  expect(allot([pool({ environments: 3, idle: 3 })], 0, limits)).toEqual({ action: 'wait' })
})

test('a new environment is made while there is room', () => {
  const cold = pool({ waitingSinceMs: 5 })
  const busy = pool({ environments: 3 })
  expect(allot([busy, cold], 10, limits)).toEqual({ action: 'run', pool: cold })
})

test('a machine that is full ends the idle environment that was used longest ago', () => {
  const cold = pool({ waitingSinceMs: 5 })
  const recent = pool({ environments: 2, idle: 1, lastUsedMs: 9 })
  const old = pool({ environments: 2, idle: 1, lastUsedMs: 3 })
  expect(allot([recent, old, cold], 10, limits)).toEqual({ action: 'end-idle', pool: old })
})

test('what is kept ready is not ended for others', () => {
  const cold = pool({ waitingSinceMs: 5 })
  const kept = pool({ environments: 2, idle: 2, lastUsedMs: 1, isKept: true })
  const other = pool({ environments: 2, idle: 1, lastUsedMs: 9 })
  expect(allot([kept, other, cold], 10, limits)).toEqual({ action: 'end-idle', pool: other })
  const full = pool({ environments: 4, idle: 4, isKept: true })
  expect(allot([full, cold], 10, limits)).toEqual({ action: 'wait' })
})

test('one environment at a time is ended to make room', () => {
  const cold = pool({ waitingSinceMs: 5 })
  const ending = pool({ environments: 4, idle: 2, ending: 1 })
  expect(allot([ending, cold], 10, limits)).toEqual({ action: 'wait' })
})

test('a warm environment serves its own function first while others have not waited long', () => {
  const cold = pool({ waitingSinceMs: 5 })
  const warm = pool({ environments: 4, idle: 1, waitingSinceMs: 6 })
  expect(allot([cold, warm], 50, limits)).toEqual({ action: 'run', pool: warm })
  expect(allot([cold, warm], 106, limits)).toEqual({ action: 'end-idle', pool: warm })
})

test('an environment that starts without an event is waited for, and blocks no other function', () => {
  const first = pool({ environments: 1, starting: 1, waitingSinceMs: 1 })
  expect(allot([first], 10, limits)).toEqual({ action: 'wait' })
  const second = pool({ waitingSinceMs: 2 })
  expect(allot([first, second], 10, limits)).toEqual({ action: 'run', pool: second })
})

test('who has an environment gets another one only for who has waited, and counts from when the first was up', () => {
  const patient = { ...limits, startPatienceMs: 50 }
  const action = (state: Partial<PoolState>, nowMs: number) =>
    allot([pool({ waitingSinceMs: 5, queuedSinceMs: 5, ...state })], nowMs, patient).action
  expect(action({}, 5)).toBe('run')
  expect(action({ environments: 1, ending: 1, upSinceMs: 0 }, 6)).toBe('run')
  expect(action({ environments: 1, upSinceMs: 0 }, 54)).toBe('wait')
  expect(action({ environments: 1, upSinceMs: 0 }, 55)).toBe('run')
  expect(action({ environments: 1, upSinceMs: 60 }, 109)).toBe('wait')
  expect(action({ environments: 1, upSinceMs: 60 }, 110)).toBe('run')
  expect(action({ environments: 1, coming: 1 }, 1000)).toBe('wait')
  const other = pool({ waitingSinceMs: 6 })
  const first = pool({ environments: 1, upSinceMs: 0, waitingSinceMs: 5 })
  expect(allot([first, other], 10, patient)).toEqual({ action: 'run', pool: other })
})

test('no more start at once than the machine has cores, and what is idle serves meanwhile', () => {
  const busy = pool({ environments: 2, coming: 2 })
  const cold = pool({ waitingSinceMs: 1 })
  expect(allot([busy, cold], 10, limits)).toEqual({ action: 'wait' })
  const warm = pool({ environments: 1, idle: 1, waitingSinceMs: 2 })
  expect(allot([busy, cold, warm], 10, limits)).toEqual({ action: 'run', pool: warm })
})

test('who would be served soon by what there is gets no other one, unless that is stuck', () => {
  const patient = { ...limits, comingMax: 1, startPatienceMs: 50 }
  const action = (usualMs: number, state: Partial<PoolState>, nowMs = 60, beganMs = 50) => {
    const times = { usualMs, begunBefore: (timeMs: number) => (beganMs < timeMs ? 1 : 0) }
    return allot([pool({ waitingSinceMs: 0, upSinceMs: 0, times, ...state })], nowMs, patient)
      .action
  }
  const one = { environments: 1 }
  expect(action(0.2, { ...one, waiting: 99 })).toBe('wait')
  expect(action(10, { ...one, waiting: 4 })).toBe('wait')
  expect(action(10, { ...one, waiting: 5 })).toBe('run')
  expect(action(10, { environments: 2, waiting: 5 })).toBe('wait')
  expect(action(10, { environments: 2, ending: 1, waiting: 5 })).toBe('run')
  expect(action(0.2, { ...one, waiting: 99 }, 150, 50)).toBe('wait')
  expect(action(0.2, { ...one, waiting: 99 }, 151, 50)).toBe('run')
  expect(action(0.2, { environments: 2, waiting: 99 }, 151, 50)).toBe('wait')
  expect(action(0.2, { ...one, waiting: 99 }, 999, 990)).toBe('wait')
  expect(action(0.2, { ...one, waiting: 99 }, 1000, 990)).toBe('run')
})

test('a function with somebody always waiting gets as many as there are cores, however soon each is served', () => {
  const patient = { ...limits, startPatienceMs: 50 }
  const times = { usualMs: 0.2, begunBefore: () => 0 }
  const asked = { waiting: 99, waitingSinceMs: 95, upSinceMs: 0, times }
  const action = (state: Partial<PoolState>, nowMs = 100) =>
    allot([pool({ ...asked, ...state })], nowMs, patient).action
  expect(action({ environments: 1, queuedSinceMs: 51 })).toBe('wait')
  expect(action({ environments: 1, queuedSinceMs: 50 })).toBe('run')
  expect(action({ environments: 1, queuedSinceMs: 50, upSinceMs: 51 })).toBe('wait')
  expect(action({ environments: 2, queuedSinceMs: 0 })).toBe('wait')
  expect(action({ environments: 2, ending: 1, queuedSinceMs: 0 })).toBe('run')
})

interface Simulated extends PoolState {
  environments: number
  idle: number
  busy: number[]
  queue: number[]
  lastUsedMs: number
  waitingSinceMs: number | undefined
}

test(`nobody starves and the bound holds, whoever competes (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const pools: Simulated[] = Array.from({ length: 4 }, () => ({
    ...pool({}),
    busy: [],
    queue: [],
  }))
  let longestMs = 0
  for (let nowMs = 0; nowMs < 20_000; nowMs++) {
    for (const [i, each] of pools.entries()) {
      const done = each.busy.filter((untilMs) => untilMs <= nowMs).length
      each.busy = each.busy.filter((untilMs) => untilMs > nowMs)
      each.idle += done
      // The first never stops asking; the others ask now and then.
      const asks = i === 0 ? each.queue.length < 8 : random() < 0.01
      if (asks) each.queue.push(nowMs)
      each.waitingSinceMs = each.queue[0]
    }
    for (;;) {
      const decision = allot(pools, nowMs, limits)
      if (decision.action === 'wait') break
      const chosen = decision.pool
      if (decision.action === 'end-idle') {
        chosen.idle -= 1
        chosen.environments -= 1
        continue
      }
      if (chosen.idle > 0) chosen.idle -= 1
      else chosen.environments += 1
      longestMs = Math.max(longestMs, nowMs - (chosen.queue.shift() ?? nowMs))
      chosen.waitingSinceMs = chosen.queue[0]
      chosen.busy.push(nowMs + 1 + Math.floor(random() * 20))
      chosen.lastUsedMs = nowMs
      expect(pools.reduce((sum, { environments }) => sum + environments, 0)).toBeLessThanOrEqual(4)
    }
  }
  expect(longestMs).toBeLessThan(400)
  expect(longestMs).toBeGreaterThan(0)
})
