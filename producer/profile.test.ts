// Tests that a profile's sums are exact however the time is cut.
import { expect, test } from 'vitest'
import { createProfile, parseSpike, parseSpikes, unboundedProfile } from './profile.ts'

const seed = Number(process.env['SEED'] ?? 20_261_121)

/** Whole numbers from `min` to `max`, repeatable. */
function randomFrom(start: number): (min: number, max: number) => number {
  let state = start
  return (min, max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return min + Math.floor((state / 2 ** 32) * (max - min + 1))
  }
}

test('a spike takes the place of the base rate for its length', () => {
  const profile = createProfile(3000, parseSpikes('9000@10s:20s'))
  expect([0, 9999, 10_000, 29_999, 30_000].map(profile.rateAt)).toEqual([
    3000, 3000, 9000, 9000, 3000,
  ])
  expect(profile.dueBy(10_000)).toBe(30_000)
  expect(profile.dueBy(30_000)).toBe(30_000 + 180_000)
  expect(profile.dueBy(60_000)).toBe(30_000 + 180_000 + 90_000)
})

test('a spike may be a lull, and a part of one counts in part', () => {
  const profile = createProfile(1000, parseSpikes('0@1s:1s'))
  expect([1000, 1500, 2000, 2500].map(profile.dueBy)).toEqual([1000, 1000, 1000, 1500])
})

test('rates that do not divide a second lose no record to rounding', () => {
  const profile = createProfile(7, [])
  const sent = Array.from({ length: 1000 }, (_, i) => profile.dueBy(i * 10 + 10))
  expect(sent.at(-1)).toBe(70)
})

test(`whatever the ticks, their records add up to the integral (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  for (let round = 0; round < 200; round++) {
    const base = random(0, 20_000)
    const spikes = []
    let fromMs = 0
    for (let count = random(0, 4); count > 0; count--) {
      const startMs = fromMs + random(0, 3000)
      const lengthMs = random(1, 3000)
      spikes.push({ rate: random(0, 50_000), startMs, lengthMs })
      fromMs = startMs + lengthMs
    }
    const profile = createProfile(base, spikes)
    let expectedThousandths = 0
    let sum = 0
    let nowMs = 0
    while (nowMs < 12_000) {
      const untilMs = nowMs + random(1, 250)
      for (let ms = nowMs; ms < untilMs; ms++) expectedThousandths += profile.rateAt(ms)
      const due = profile.dueBy(untilMs) - sum
      expect(due).toBeGreaterThanOrEqual(0)
      sum += due
      nowMs = untilMs
      expect(sum).toBe(Math.floor(expectedThousandths / 1000))
    }
  }
})

test('a spike is read from RATE@START:LENGTH in any unit of time', () => {
  expect(parseSpike('9000@10s:20s')).toEqual({ rate: 9000, startMs: 10_000, lengthMs: 20_000 })
  expect(parseSpike(' 5@1500:1.5m ')).toEqual({ rate: 5, startMs: 1500, lengthMs: 90_000 })
  expect(parseSpikes('')).toEqual([])
  expect(parseSpikes('1@1m:5s,2@10s:50s').map((spike) => spike.rate)).toEqual([2, 1])
})

test.each([
  ['9000', 'is not RATE@START:LENGTH'],
  ['9000@10s', 'is not RATE@START:LENGTH'],
  ['-1@10s:1s', 'is not RATE@START:LENGTH'],
  ['1.5@10s:1s', 'is not RATE@START:LENGTH'],
  ['1@10s:1s:1s', 'is not RATE@START:LENGTH'],
  ['1@10s:1s,', 'is not RATE@START:LENGTH'],
  ['1@x:1s', 'starts at no time: "x"'],
  ['1@-1:1s', 'starts at no time'],
  ['1@1s:0', 'lasts no time'],
  ['1@1s:1y', 'lasts no time: "1y"'],
  ['10000001@1s:1s', 'asks for more than 10000000 records per second'],
  ['1@1s:2s,1@2s:1s', 'has spikes that overlap'],
])('the spike "%s" is refused', (text, reason) => {
  expect(() => parseSpikes(text)).toThrow(reason)
})

test('without a pace everything is always due', () => {
  expect(unboundedProfile.dueBy(0)).toBe(Infinity)
})
