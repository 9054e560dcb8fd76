// Tests the consumer group's state machine: rebalances, fencing, static members, timeouts.
import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { Group } from './group.ts'
import type { JoinRequest, JoinResult, SyncResult } from './membership.ts'

const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 60_000

let checked: Group | undefined
afterEach(() => checked?.check())

/** A group under a manual clock, with a tick at every deadline. */
class Harness {
  readonly clock = new ManualClock()
  readonly group: Group
  #ids = 0

  constructor(options: { initialRebalanceDelayMs?: number; membersMax?: number } = {}) {
    this.group = new Group({
      id: 'g',
      initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
      membersMax: options.membersMax ?? 100,
      newId: () => String(++this.#ids),
    })
    checked = this.group
  }

  get state() {
    return this.group.describe().state
  }

  join(request: Partial<JoinRequest> & { metadata?: string } = {}): { result?: JoinResult } {
    const answer: { result?: JoinResult } = {}
    const protocols = [{ name: 'range', metadata: Buffer.from(request.metadata ?? 'topics') }]
    const full: JoinRequest = {
      groupId: 'g',
      memberId: '',
      groupInstanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocolType: 'consumer',
      protocols,
      requiresMemberId: false,
      canSkipAssignment: false,
      ...request,
    }
    this.group.join(full, this.clock.now(), (result) => {
      expect(answer.result).toBe(undefined)
      answer.result = result
    })
    return answer
  }

  sync(joined: JoinResult | undefined, assignments: Record<string, string> = {}) {
    const answer: { result?: SyncResult } = {}
    const request = {
      ...claimOf(joined),
      groupId: 'g',
      protocolType: null,
      protocolName: null,
      assignments: Object.entries(assignments).map(([memberId, assignment]) => ({
        memberId,
        assignment: Buffer.from(assignment),
      })),
    }
    this.group.sync(request, this.clock.now(), (result) => (answer.result = result))
    return answer
  }

  /** Lets time pass; ticks whenever something is due. */
  advance(byMs: number): void {
    const untilMs = this.clock.now() + byMs
    while (this.group.dueMs() <= untilMs) {
      this.clock.advance(Math.max(0, this.group.dueMs() - this.clock.now()))
      this.group.tick(this.clock.now())
    }
    this.clock.advance(untilMs - this.clock.now())
  }

  heartbeat(joined: JoinResult | undefined) {
    return this.group.heartbeat(claimOf(joined), this.clock.now())
  }

  commit(joined: JoinResult | undefined) {
    return this.group.commit(claimOf(joined), this.clock.now())
  }

  /** Two members in a stable generation; the first leads. */
  stablePair(request: Partial<JoinRequest> = {}): readonly [JoinResult, JoinResult] {
    const first = this.join(request).result
    const second = this.join({ groupInstanceId: null })
    const firstAgain = this.join({ ...request, memberId: first?.memberId ?? '' })
    const [a, b] = [firstAgain.result, second.result]
    if (a === undefined || b === undefined) throw new Error('the joins were not answered')
    const ofLeader = this.sync(a, { [a.memberId]: 'p0', [b.memberId]: 'p1' })
    expect(ofLeader.result?.assignment.toString()).toBe('p0')
    expect(this.sync(b).result?.assignment.toString()).toBe('p1')
    expect(this.state).toBe('Stable')
    return [a, b]
  }
}

function claimOf(joined: JoinResult | undefined, groupInstanceId: string | null = null) {
  return {
    memberId: joined?.memberId ?? '',
    generationId: joined?.generationId ?? -1,
    groupInstanceId,
  }
}

test('the first member leads a generation of its own and gets what it assigns', () => {
  const h = new Harness()
  const { result } = h.join()
  expect(result).toMatchObject({
    error: 'NONE',
    generationId: 1,
    leader: 'client-1',
    memberId: 'client-1',
    protocolName: 'range',
    members: [{ memberId: 'client-1' }],
  })
  expect(h.state).toBe('CompletingRebalance')
  expect(h.sync(result, { 'client-1': 'all' }).result?.assignment.toString()).toBe('all')
  expect(h.state).toBe('Stable')
})

test('a client that can is sent back with its member id before it counts', () => {
  const h = new Harness()
  const first = h.join({ requiresMemberId: true }).result
  expect(first).toMatchObject({ error: 'MEMBER_ID_REQUIRED', memberId: 'client-1' })
  expect(h.group.memberCount).toBe(0)
  const second = h.join({ requiresMemberId: true, memberId: 'client-1' }).result
  expect(second).toMatchObject({ error: 'NONE', memberId: 'client-1', generationId: 1 })
})

test('a member id that is not used within the session timeout is forgotten', () => {
  const h = new Harness()
  h.join({ requiresMemberId: true })
  expect(h.group.isIdle).toBe(false)
  h.advance(sessionTimeoutMs)
  expect(h.group.isIdle).toBe(true)
  expect(h.join({ memberId: 'client-1' }).result?.error).toBe('UNKNOWN_MEMBER_ID')
})

test('a second member waits until the first has joined again; only the leader sees both', () => {
  const h = new Harness()
  const first = h.join().result
  h.sync(first, { 'client-1': 'all' })
  const second = h.join()
  expect(second.result).toBe(undefined)
  expect(h.state).toBe('PreparingRebalance')
  expect(h.heartbeat(first)).toBe('REBALANCE_IN_PROGRESS')
  const again = h.join({ memberId: 'client-1' })
  expect(again.result).toMatchObject({ generationId: 2, leader: 'client-1' })
  expect(again.result?.members.map((m) => m.memberId)).toEqual(['client-1', 'client-2'])
  expect(second.result).toMatchObject({ generationId: 2, leader: 'client-1', members: [] })
})

test('a follower that syncs first waits for the leader', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  h.join({ memberId: a.memberId, metadata: 'more' })
  const follower = h.join({ memberId: b.memberId })
  expect(follower.result).toMatchObject({ error: 'NONE', generationId: a.generationId + 1 })
  const waiting = h.sync(follower.result)
  expect(waiting.result).toBe(undefined)
  h.sync({ ...a, generationId: a.generationId + 1 }, { [b.memberId]: 'both' })
  expect(waiting.result?.assignment.toString()).toBe('both')
})

test('heartbeats and commits of another generation or member are refused', () => {
  const h = new Harness()
  const [a] = h.stablePair()
  expect(h.heartbeat(a)).toBe('NONE')
  expect(h.commit(a)).toBe('NONE')
  const stale = { ...a, generationId: a.generationId - 1 }
  expect(h.heartbeat(stale)).toBe('ILLEGAL_GENERATION')
  expect(h.commit(stale)).toBe('ILLEGAL_GENERATION')
  expect(h.sync(stale).result?.error).toBe('ILLEGAL_GENERATION')
  const stranger = { ...a, memberId: 'nobody' }
  expect(h.heartbeat(stranger)).toBe('UNKNOWN_MEMBER_ID')
  expect(h.commit(stranger)).toBe('UNKNOWN_MEMBER_ID')
})

test('offsets from outside of the group are taken only while it has no members', () => {
  const h = new Harness()
  expect(h.commit(undefined)).toBe('NONE')
  const joined = h.join().result
  expect(h.commit(undefined)).toBe('UNKNOWN_MEMBER_ID')
  expect(h.commit(joined)).toBe('REBALANCE_IN_PROGRESS')
})

test('a former member may commit to an empty group without a generation', () => {
  const h = new Harness()
  const joined = h.join().result
  h.group.leave(claimOf(joined), h.clock.now())
  const claim = { memberId: 'whoever', groupInstanceId: null, generationId: -1 }
  expect(h.group.commit(claim, h.clock.now())).toBe('NONE')
  expect(h.commit(joined)).toBe('UNKNOWN_MEMBER_ID')
})

test('what members say and are assigned passes through byte by byte, as cooperative consumers need', () => {
  const h = new Harness()
  const owned = Buffer.from([0, 1, 0, 0, 0, 0, 0xff, 0xfe, 0])
  const protocols = [{ name: 'cooperative-sticky', metadata: owned }]
  const joined = h.join({ protocols }).result
  expect(joined?.members[0]?.metadata).toEqual(owned)
  h.sync(joined, { [joined?.memberId ?? '']: 'p0' })
  const [described] = h.group.describe().members
  expect(described).toMatchObject({ metadata: owned, assignment: Buffer.from('p0') })
})

test('a static member that misses a rebalance keeps its place until the others have synced', () => {
  const h = new Harness()
  const soon = { rebalanceTimeoutMs: 8_000 }
  const absent = h.join({ groupInstanceId: 'i-1', ...soon }).result
  const other = h.join(soon)
  h.join({ memberId: absent?.memberId ?? '', groupInstanceId: 'i-1', ...soon })
  h.join(soon)
  h.join({ memberId: other.result?.memberId ?? '', metadata: 'more', ...soon })
  const ids = () => h.group.describe().members.map(({ memberId }) => memberId)
  h.advance(8_000)
  expect(h.state).toBe('CompletingRebalance')
  // Its session would have ended, but the new generation began it again (Kafka: completeGroupJoin).
  h.advance(7_999)
  expect(ids()).toContain(absent?.memberId)
  h.advance(1)
  expect(ids()).not.toContain(absent?.memberId)
})

test('a member that falls silent is removed after its session and the others rebalance', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  h.advance(sessionTimeoutMs - 1)
  expect(h.heartbeat(a)).toBe('NONE')
  h.advance(1)
  expect(h.state).toBe('PreparingRebalance')
  expect(h.heartbeat(b)).toBe('UNKNOWN_MEMBER_ID')
  expect(h.heartbeat(a)).toBe('REBALANCE_IN_PROGRESS')
  expect(h.join({ memberId: a.memberId }).result).toMatchObject({
    generationId: a.generationId + 1,
    members: [{ memberId: a.memberId }],
  })
})

test('when the leader dies another member leads', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  h.advance(sessionTimeoutMs - 1)
  h.heartbeat(b)
  h.advance(1)
  expect(h.heartbeat(a)).toBe('UNKNOWN_MEMBER_ID')
  expect(h.join({ memberId: b.memberId }).result).toMatchObject({ leader: b.memberId })
})

test('members that do not come back within the rebalance timeout are left behind', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  const again = h.join({ memberId: a.memberId, metadata: 'more' })
  for (let i = 0; i < 11; i++) {
    h.advance(5_000)
    expect(h.heartbeat(b)).toBe('REBALANCE_IN_PROGRESS')
  }
  expect(again.result).toBe(undefined)
  h.advance(5_000)
  expect(again.result?.members.map((m) => m.memberId)).toEqual([a.memberId])
  expect(h.heartbeat(b)).toBe('UNKNOWN_MEMBER_ID')
})

test('a member that joined but never syncs is removed at the end of the rebalance timeout', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  h.join({ memberId: a.memberId, metadata: 'more' })
  const follower = h.join({ memberId: b.memberId }).result
  const leader = { ...a, generationId: a.generationId + 1 }
  h.sync(leader, {})
  for (let i = 0; i < 12; i++) {
    expect(h.heartbeat(follower)).toBe('NONE')
    expect(h.heartbeat(leader)).toBe('NONE')
    h.advance(5_000)
  }
  expect(h.heartbeat(follower)).toBe('UNKNOWN_MEMBER_ID')
  expect(h.heartbeat(leader)).toBe('REBALANCE_IN_PROGRESS')
})

test('a member that leaves makes the others rebalance; the last one leaves the group empty', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  expect(h.group.leave(claimOf(b), h.clock.now())).toBe('NONE')
  expect(h.heartbeat(a)).toBe('REBALANCE_IN_PROGRESS')
  expect(h.group.leave(claimOf(a), h.clock.now())).toBe('NONE')
  expect(h.state).toBe('Empty')
  expect(h.group.dueMs()).toBe(Infinity)
  expect(h.group.leave(claimOf(a), h.clock.now())).toBe('UNKNOWN_MEMBER_ID')
})

test('a follower that joins again unchanged gets its generation back without a rebalance', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  const again = h.join({ memberId: b.memberId }).result
  expect(again).toMatchObject({ generationId: b.generationId, leader: a.memberId, members: [] })
  expect(h.state).toBe('Stable')
})

test('a sync that waits is told of a new rebalance', () => {
  const h = new Harness()
  const [a, b] = h.stablePair()
  h.join({ memberId: a.memberId, metadata: 'more' })
  const waiting = h.sync(h.join({ memberId: b.memberId }).result)
  h.join()
  expect(waiting.result?.error).toBe('REBALANCE_IN_PROGRESS')
})

test('a static member that restarts keeps its assignment, and its former self is fenced', () => {
  const h = new Harness()
  const [a, b] = h.stablePair({ groupInstanceId: 'i-1' })
  const again = h.join({ groupInstanceId: 'i-1' }).result
  expect(again).toMatchObject({ error: 'NONE', generationId: a.generationId, members: [] })
  // It led before, and must not take itself for the leader now.
  expect(again?.leader).toBe(a.memberId)
  expect(again?.memberId).not.toBe(a.memberId)
  expect(h.state).toBe('Stable')
  expect(h.sync(again).result?.assignment.toString()).toBe('p0')
  expect(h.heartbeat(b)).toBe('NONE')
  const former = claimOf(a, 'i-1')
  expect(h.group.heartbeat(former, h.clock.now())).toBe('FENCED_INSTANCE_ID')
  expect(h.group.commit(former, h.clock.now())).toBe('FENCED_INSTANCE_ID')
  expect(h.group.leave(former, h.clock.now())).toBe('FENCED_INSTANCE_ID')
})

test('a static leader that can skip the assignment is told the members and to skip it', () => {
  const h = new Harness()
  h.stablePair({ groupInstanceId: 'i-1' })
  const again = h.join({ groupInstanceId: 'i-1', canSkipAssignment: true }).result
  expect(again).toMatchObject({ skipAssignment: true, leader: again?.memberId })
  expect(again?.members.length).toBe(2)
})

test('a static member is removed by its instance id alone, as an admin does', () => {
  const h = new Harness()
  h.stablePair({ groupInstanceId: 'i-1' })
  const leave = { memberId: '', groupInstanceId: 'i-1' }
  expect(h.group.leave(leave, h.clock.now())).toBe('NONE')
  expect(h.group.memberCount).toBe(1)
  expect(h.group.leave(leave, h.clock.now())).toBe('UNKNOWN_MEMBER_ID')
})

test('members that share no strategy with the group are refused', () => {
  const h = new Harness()
  h.join()
  const other = [{ name: 'sticky', metadata: Buffer.alloc(0) }]
  expect(h.join({ protocols: other }).result?.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
  expect(h.join({ protocolType: 'connect' }).result?.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
  expect(h.join({ protocols: [] }).result?.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
})

test('the strategy that most members prefer among the shared ones is chosen', () => {
  const h = new Harness({ initialRebalanceDelayMs: 100 })
  const named = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(name) }))
  const first = h.join({ protocols: named('range', 'sticky', 'own') })
  h.join({ protocols: named('sticky', 'range') })
  h.join({ protocols: named('sticky', 'range', 'own') })
  h.advance(1_000)
  expect(first.result?.protocolName).toBe('sticky')
  expect(first.result?.members[2]?.metadata.toString()).toBe('sticky')
})

test('a group that was empty gathers members for the initial delay, and longer while they come', () => {
  const h = new Harness({ initialRebalanceDelayMs: 3_000 })
  const first = h.join()
  h.advance(2_000)
  const second = h.join()
  h.advance(2_000)
  expect(first.result).toBe(undefined)
  h.advance(2_000)
  expect(first.result?.members.length).toBe(2)
  expect(second.result?.generationId).toBe(1)
})

test('a full group refuses one more member', () => {
  const h = new Harness({ membersMax: 2 })
  h.join()
  h.join({ requiresMemberId: true })
  expect(h.join().result?.error).toBe('GROUP_MAX_SIZE_REACHED')
})

test('a group that is forgotten answers whoever waits', () => {
  const h = new Harness()
  h.stablePair()
  const waiting = h.join()
  h.group.die()
  expect(waiting.result?.error).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(h.join().result?.error).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(h.group.dueMs()).toBe(Infinity)
})

test('whatever members do in whatever order, the invariants hold and every request is answered', () => {
  const seed = Number(process.env['SEED'] ?? 20_261_121)
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const h = new Harness({ initialRebalanceDelayMs: 500, membersMax: 6 })
  const joins: { result?: JoinResult }[] = []
  const someone = (): JoinResult | undefined => joins[random(joins.length)]?.result
  const groupInstanceId = (): string | null => [null, null, 's1', 's2'][random(4)] ?? null
  const steps = [
    () =>
      joins.push(h.join({ groupInstanceId: groupInstanceId(), requiresMemberId: random(2) === 0 })),
    () => joins.push(h.join({ memberId: someone()?.memberId ?? '', metadata: `${random(3)}` })),
    () => h.sync(someone(), Object.fromEntries([[someone()?.memberId ?? '', 'x']])),
    () => h.heartbeat(someone()),
    () => h.commit(someone()),
    () => h.group.leave(claimOf(someone(), groupInstanceId()), h.clock.now()),
    () => h.advance(random(9_000)),
  ]
  for (let i = 0; i < 5_000; i++) {
    steps[random(steps.length)]?.()
    expect(() => h.group.check(), `SEED=${seed}, step ${i}`).not.toThrow()
  }
  h.advance(1_000_000)
  expect(joins.filter(({ result }) => result === undefined).length, `SEED=${seed}`).toBe(0)
  expect(h.state).toBe('Empty')
})
