// Tests how mappings are shared out: by hand, and by pollers that come, go and plan at random moments.
import { expect, test } from 'vitest'
import { randomFrom, seed } from '../test/support/seeded-random.ts'
import { planLeases, type LeaseView } from './lease-plan.ts'

const view = (changes: Partial<LeaseView>): LeaseView => ({
  wanted: new Set(['a', 'b', 'c']),
  owners: new Map(),
  live: new Set(['me']),
  self: 'me',
  held: new Set(),
  leaving: new Set(),
  mayTakeOver: true,
  ...changes,
})

test('a poller that is alone takes everything', () => {
  expect(planLeases(view({}))).toEqual({ take: ['a', 'b', 'c'], giveBack: [], release: [] })
})

test('of two pollers none takes more than its half, and they do not want the same first', () => {
  const live = new Set(['me', 'other'])
  const mine = planLeases(view({ live })).take
  const others = planLeases(view({ live, self: 'other' })).take
  expect(mine).toEqual(['a', 'b'])
  expect(others).toEqual(['c', 'a'])
})

test('who has more than a share gives the rest back when another comes', () => {
  const held = new Set(['a', 'b', 'c'])
  const owners = new Map([...held].map((uuid) => [uuid, 'me'] as const))
  const plan = planLeases(view({ owners, held, live: new Set(['me', 'other']) }))
  expect(plan).toEqual({ take: [], giveBack: ['c'], release: [] })
})

test('a dead poller is taken over, but not while others may only not be back yet', () => {
  const owners = new Map([['a', 'dead']])
  const wanted = new Set(['a'])
  expect(planLeases(view({ wanted, owners })).take).toEqual(['a'])
  expect(planLeases(view({ wanted, owners, mayTakeOver: false })).take).toEqual([])
  expect(planLeases(view({ wanted, owners, live: new Set(['me', 'dead']) })).take).toEqual([])
})

test('leases of mappings that are gone do not stay behind', () => {
  const owners = new Map([
    ['x', 'dead'],
    ['y', 'me'],
    ['z', 'other'],
  ])
  const plan = planLeases(
    view({ wanted: new Set(), owners, held: new Set(['y']), live: new Set(['me', 'other']) }),
  )
  expect(plan).toEqual({ take: [], giveBack: ['y'], release: ['x'] })
})

test('a lease that is ours by name alone is taken up again, or released above the share', () => {
  const owners = new Map([
    ['a', 'me'],
    ['b', 'me'],
  ])
  const live = new Set(['me', 'other'])
  const plan = planLeases(view({ wanted: new Set(['a', 'b']), owners, live }))
  expect(plan).toEqual({ take: ['a'], giveBack: [], release: ['b'] })
})

test('what is coming to its end here is neither taken nor released', () => {
  const owners = new Map([['a', 'me']])
  const plan = planLeases(view({ wanted: new Set(['a']), owners, leaving: new Set(['a']) }))
  expect(plan).toEqual({ take: [], giveBack: [], release: [] })
})

test(`any pollers and mappings settle: all run once, none above the share (SEED=${seed})`, () => {
  const random = randomFrom(seed)
  const pick = (most: number): number => 1 + Math.floor(random() * most)
  for (let round = 0; round < 100; round++) {
    const wanted = new Set(Array.from({ length: pick(30) }, (_, i) => `m${i}`))
    const live = new Set(Array.from({ length: pick(6) }, (_, i) => `p${i}`))
    const owners = new Map<string, string>()
    for (const uuid of wanted) if (random() < 0.7) owners.set(uuid, `p${pick(8)}`)
    const heldBy = (self: string): Set<string> =>
      new Set([...wanted].filter((uuid) => owners.get(uuid) === self))
    for (let turn = 0; turn < 20; turn++) {
      for (const self of live) {
        const base = view({ wanted, owners, live, self, held: heldBy(self) })
        const plan = planLeases(base)
        for (const uuid of [...plan.giveBack, ...plan.release]) owners.delete(uuid)
        for (const uuid of plan.take) owners.set(uuid, self)
      }
    }
    const share = Math.ceil(wanted.size / live.size)
    for (const self of live) expect(heldBy(self).size).toBeLessThanOrEqual(share)
    for (const uuid of wanted) expect(live.has(owners.get(uuid) ?? '')).toBe(true)
  }
})
