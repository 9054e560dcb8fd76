// Tests that members of our client and of kafkajs understand each other, and deal partitions out alike.
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import {
  assignorName,
  assignRoundRobin,
  decodeAssignment,
  encodeAssignment,
  encodeSubscription,
  topicsOf,
  type Assignment,
} from './group-protocol.ts'

interface KafkajsAssigner {
  readonly name: string
  protocol(subscription: { topics: string[] }): { name: string; metadata: Buffer }
  assign(group: {
    members: { memberId: string; memberMetadata: Buffer }[]
    topics: string[]
  }): Promise<{ memberId: string; memberAssignment: Buffer }[]>
}
const require = createRequire(import.meta.url)
const createAssigner = require('kafkajs/src/consumer/assigners/roundRobinAssigner') as (context: {
  cluster: { findTopicPartitionMetadata(topic: string): { partitionId: number }[] }
}) => KafkajsAssigner

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

function kafkajs(partitions: number): KafkajsAssigner {
  const metadata = range(partitions).map((partitionId) => ({ partitionId }))
  return createAssigner({ cluster: { findTopicPartitionMetadata: () => metadata } })
}

test('the subscription is byte for byte that of kafkajs', () => {
  const theirs = kafkajs(1).protocol({ topics: ['orders'] })
  expect(theirs.name).toBe(assignorName)
  expect(encodeSubscription(['orders'])).toEqual(theirs.metadata)
  expect(topicsOf(theirs.metadata)).toEqual(['orders'])
})

test.each([
  [1, 1],
  [7, 3],
  [2, 5],
])('%i partitions go to the members that kafkajs gives them to, of %i', async (count, many) => {
  const members = range(many).map((index) => ({
    memberId: `member-${(index * 7) % many}`,
    memberMetadata: encodeSubscription(['orders']),
  }))
  const theirs = await kafkajs(count).assign({ members, topics: ['orders'] })
  const ours = assignRoundRobin(
    members.map(({ memberId }) => ({ memberId, topics: ['orders'] })),
    new Map([['orders', range(count)]]),
  )
  for (const { memberId, memberAssignment } of theirs) {
    const own = ours.get(memberId) ?? new Map<string, number[]>()
    expect(encodeAssignment(own)).toEqual(memberAssignment)
    expect(decodeAssignment(memberAssignment)).toEqual(own)
  }
  expect(ours.size).toBe(many)
})

test('a topic goes to the members that read it alone', () => {
  const members = [
    { memberId: 'a', topics: ['x', 'y'] },
    { memberId: 'b', topics: ['x'] },
  ]
  const partitions: Assignment = new Map([
    ['x', [0, 1, 2]],
    ['y', [0, 1]],
    ['z', [0]],
  ])
  expect(Object.fromEntries(assignRoundRobin(members, partitions))).toEqual({
    a: new Map([
      ['x', [0, 2]],
      ['y', [0, 1]],
    ]),
    b: new Map([['x', [1]]]),
  })
})

test('an assignment of no bytes is of nothing, one that is cut off of nobody knows what', () => {
  expect(decodeAssignment(Buffer.alloc(0))).toEqual(new Map())
  const whole = encodeAssignment(new Map([['x', [0]]]))
  expect(decodeAssignment(whole.subarray(0, 9))).toBe(undefined)
  expect(topicsOf(Buffer.from([0]))).toEqual([])
})
