// Tests that readers which wait together are all woken by what is theirs, and none by what is not.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { errorCodes } from '../protocol/error-codes.ts'
import type { RequestOf, ResponseOf } from '../protocol/apis.ts'
import { sharedWaitPartitionsMax } from '../common/consumer-limits.ts'
import { eventually } from '../test/support/eventually.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import { PlayedBroker, allVersions } from '../test/support/played-broker.ts'
import { zeroUuid } from '../protocol/fields.ts'
import { SharedLinks, type Door } from './shared-links.ts'
import type { WaitTicket } from './shared-wait.ts'
import type { Place } from './wait-request.ts'

type Fetch = RequestOf<'Fetch'>
type Answer = ResponseOf<'Fetch'>
type Part = Partial<Answer['responses'][number]['partitions'][number]>

let broker: PlayedBroker
let links: SharedLinks
let door: Door
/** Fetches that wait at the broker, with what answers them. */
let waiting: { readonly asked: Fetch; readonly answer: (parts: Record<string, Part>) => void }[]

beforeEach(async () => {
  broker = await PlayedBroker.start()
  waiting = []
  broker.rules.Fetch = (asked) => {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    waiting.push({ asked, answer: (parts) => resolve(answerTo(asked, parts)) })
    return promise
  }
  links = new SharedLinks({ clientId: 'test', clock: new ManualClock() })
  door = { address: broker.address, access: undefined }
})
afterEach(() => broker.stop())

/** By topic and partition what is of note; of all others nothing. */
function answerTo({ topics }: Fetch, parts: Record<string, Part>): Answer {
  return {
    errorCode: 0,
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map(({ partition, fetchOffset }) => ({
        partitionIndex: partition,
        errorCode: 0,
        highWatermark: fetchOffset,
        lastStableOffset: fetchOffset,
        logStartOffset: 0,
        abortedTransactions: [],
        records: [],
        ...parts[`${topicId}/${partition}`],
        ...parts[`${topic}/${partition}`],
      })),
    })),
  }
}

const idOf = (topic: number): string => `11111111-2222-3333-4444-${String(topic).padStart(12, '0')}`

function at(topic: number, offset = 5, partition = 0): Place {
  return { topic: `t${topic}`, topicId: idOf(topic), partition, offset, leaderEpoch: 1 }
}

function enter(...places: readonly Place[]): WaitTicket {
  const ticket = links.wait(door, places)
  if (ticket === undefined) throw new Error('there is room')
  return ticket
}

const turn = async (count: number): Promise<void> => {
  await eventually(
    () => (waiting.length >= count ? true : undefined),
    () => `${count} fetches, there are ${waiting.length}`,
  )
}

const asked = (index: number): number =>
  waiting[index]?.asked.topics.flatMap(({ partitions }) => partitions).length ?? 0

test('one fetch waits for many readers, and a place of several is asked for once', async () => {
  const tickets = [enter(at(1)), enter(at(1)), enter(at(2), at(2, 9, 1))]
  await turn(1)
  expect(asked(0)).toBe(3)
  expect(tickets.map(({ isIn }) => isIn)).toEqual([true, true, true])
  expect(broker.connections).toBe(1)
})

test('records wake the readers of their place, and the others go on waiting', async () => {
  const tickets = [enter(at(1)), enter(at(1)), enter(at(2))]
  await turn(1)
  waiting[0]?.answer({ [`${idOf(1)}/0`]: { records: [Buffer.from('batch')] } })
  await Promise.all([tickets[0]?.over, tickets[1]?.over])
  await turn(2)
  expect(tickets.map(({ isOver }) => isOver)).toEqual([true, true, false])
  expect(asked(1)).toBe(1)
})

test('records for which the answer had no room wake as well, by the offset that can be read', async () => {
  const ticket = enter(at(1))
  await turn(1)
  waiting[0]?.answer({ [`${idOf(1)}/0`]: { lastStableOffset: 6, highWatermark: 6 } })
  await ticket.over
})

test('a partition in error wakes its reader alone, which finds out what it is', async () => {
  const [lost, other] = [enter(at(1)), enter(at(2))]
  await turn(1)
  waiting[0]?.answer({ [`${idOf(1)}/0`]: { errorCode: errorCodes.UNKNOWN_TOPIC_ID } })
  await lost.over
  await turn(2)
  expect(other.isOver).toBe(false)
})

test('who comes during a fetch is not in before the next, and looks itself until then', async () => {
  enter(at(1))
  await turn(1)
  const late = enter(at(2))
  expect(late.isIn).toBe(false)
  waiting[0]?.answer({})
  await turn(2)
  expect(late.isIn).toBe(true)
  expect(asked(1)).toBe(2)
})

test('readers who stand elsewhere in a partition, or for whom there is no room, wait by another fetch', async () => {
  enter(at(1, 5))
  enter(at(1, 6))
  await turn(2)
  expect([asked(0), asked(1)]).toEqual([1, 1])
  for (let i = 2; i <= sharedWaitPartitionsMax + 1; i++) enter(at(i))
  waiting[0]?.answer({})
  waiting[1]?.answer({})
  await turn(4)
  expect(Math.max(asked(2), asked(3))).toBe(sharedWaitPartitionsMax)
  expect(asked(2) + asked(3)).toBe(sharedWaitPartitionsMax + 2)
})

test('a connection that ends sends all readers back to their own fetches, and others can wait anew', async () => {
  const tickets = [enter(at(1)), enter(at(2))]
  await turn(1)
  broker.hangUp()
  await Promise.all(tickets.map(({ over }) => over))
  enter(at(1))
  await turn(2)
})

test('nobody keeps the connection when all have left', async () => {
  const tickets = [enter(at(1)), enter(at(2))]
  await turn(1)
  for (const ticket of tickets) ticket.leave()
  await eventually(
    () => (broker.connections === 0 ? true : undefined),
    () => `no connection, there are ${broker.connections}`,
  )
})

test('a broker that knows no ids of topics is asked by their names', async () => {
  broker.rules.ApiVersions = () => allVersions({ Fetch: 12 })
  const ticket = enter({ ...at(1), topicId: zeroUuid })
  const other = enter({ ...at(2), topicId: zeroUuid })
  await turn(1)
  waiting[0]?.answer({ 't1/0': { records: [Buffer.from('batch')] } })
  await ticket.over
  expect(other.isOver).toBe(false)
})

test('a quick link is shared by all who get in the same way, and closed when the last has left', async () => {
  const [one, two, other] = [{}, {}, {}]
  const link = await links.link(door, one)
  expect(await links.link({ ...door }, two)).toBe(link)
  const login = { sasl: { mechanism: 'plain' as const, username: 'u', password: 'p' } }
  broker.rules.SaslHandshake = () => ({ errorCode: 0, mechanisms: ['PLAIN'] })
  broker.rules.SaslAuthenticate = () => ({
    errorCode: 0,
    errorMessage: null,
    authBytes: Buffer.alloc(0),
    sessionLifetimeMs: 0,
  })
  expect(await links.link({ ...door, access: login }, other)).not.toBe(link)
  links.leave(one)
  expect(link.isGood).toBe(true)
  links.leave(two)
  await eventually(
    () => (link.isGood ? undefined : true),
    () => 'the link is closed',
  )
  expect(await links.link(door, one)).not.toBe(link)
})
