// Tests a source whose way in changes, is missing, or comes too late, under a clock that stands still.
import { beforeEach, expect, test } from 'vitest'
import type { BrokerAccess } from '../../common/broker-access.ts'
import type { BrokerFault } from '../../common/broker-fault.ts'
import { AppError } from '../../common/errors.ts'
import { silentLogger } from '../../common/logger.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { SecuredSource } from './secured-source.ts'
import type { Source, SourceListener } from './source.ts'

class PlayedSource implements Source {
  readonly access: BrokerAccess
  readonly calls: string[] = []
  listener: SourceListener | undefined

  constructor(access: BrokerAccess) {
    this.access = access
  }
  start(listener: SourceListener): void {
    this.listener = listener
  }
  pause(partitions: readonly number[]): void {
    this.calls.push(`pause ${partitions.join()}`)
  }
  resume(partitions: readonly number[]): void {
    this.calls.push(`resume ${partitions.join()}`)
  }
  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    this.calls.push(`commit ${[...offsets].join()}`)
  }
  async stop(): Promise<void> {
    this.calls.push('stop')
  }
}

let clock: ManualClock
let password: string | undefined
let sources: PlayedSource[]
let problems: [string | undefined, BrokerFault | undefined][]
let secured: SecuredSource

const settle = () => new Promise((resolve) => setImmediate(resolve))
const accessBy = (word: string): BrokerAccess => ({
  sasl: { mechanism: 'plain', username: 'ann', password: word },
})
const listener: SourceListener = {
  assigned: () => new Map(),
  checkpoints: () => new Map(),
  rewound: () => {},
  records: () => {},
  problem: (reason, fault) => problems.push([reason, fault]),
}

beforeEach(() => {
  clock = new ManualClock()
  password = 'first'
  sources = []
  problems = []
  secured = new SecuredSource({
    brokers: ['b:1'],
    resolve: async () => {
      if (password !== undefined) return accessBy(password)
      throw new AppError('SECRET_UNREADABLE', { secret: 'env:X', reason: 'gone' })
    },
    create: (access) => {
      const source = new PlayedSource(access)
      sources.push(source)
      return source
    },
    clock,
    logger: silentLogger,
  })
})

test('the source behind it has what was looked up, and gets every call', async () => {
  secured.start(listener)
  await settle()
  expect(sources.map(({ access }) => access)).toEqual([accessBy('first')])
  secured.pause([1, 2])
  secured.resume([2])
  await secured.commit(new Map([[0, 7]]))
  await secured.stop()
  expect(sources[0]?.calls).toEqual(['pause 1,2', 'resume 2', 'commit 0,7', 'stop'])
})

test('without a way in it says why, commits nothing, and looks again later', async () => {
  password = undefined
  secured.start(listener)
  await settle()
  expect(problems).toEqual([['secret env:X cannot be used: gone', 'secret']])
  await expect(secured.commit(new Map([[0, 1]]))).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
  })
  password = 'found'
  clock.advance(60_000)
  await settle()
  expect(sources.map(({ access }) => access)).toEqual([accessBy('found')])
  await secured.stop()
})

test('a way in that was refused is replaced once it has changed, and not before', async () => {
  secured.start(listener)
  await settle()
  sources[0]?.listener?.problem('refused', 'login')
  await settle()
  expect(sources).toHaveLength(1)
  password = 'second'
  sources[0]?.listener?.problem('broker is away')
  await settle()
  expect(sources).toHaveLength(1)
  sources[0]?.listener?.problem('refused', 'login')
  await settle()
  expect(sources.map(({ access }) => access)).toEqual([accessBy('first'), accessBy('second')])
  expect(sources[0]?.calls).toEqual(['stop'])
  await secured.stop()
  expect(sources[1]?.calls).toEqual(['stop'])
})

test('stopped while it waits for a way in, it never gets one', async () => {
  password = undefined
  secured.start(listener)
  await settle()
  await secured.stop()
  password = 'late'
  clock.advance(600_000)
  await settle()
  expect(sources).toEqual([])
})
