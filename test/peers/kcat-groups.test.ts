// Drives consumer groups with kcat (librdkafka): cooperative rebalances, and static members that come back.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

let platform: Platform
const consumers: Consumer[] = []
beforeAll(async () => {
  platform = await startPlatform({ role: 'broker', args: ['--num-partitions', '4'] })
})
afterEach(async () => {
  for (const consumer of consumers.splice(0)) await consumer.end('SIGKILL')
})
afterAll(() => platform.stop())

/** A kcat that consumes as a static member of a group until it is ended. */
class Consumer {
  readonly #child: ChildProcess
  #said = ''

  constructor(topic: string, groupInstanceId: string) {
    const settings = [
      'partition.assignment.strategy=cooperative-sticky',
      `group.instance.id=${groupInstanceId}`,
      'session.timeout.ms=6000',
      'heartbeat.interval.ms=200',
    ]
    const options = settings.flatMap((setting) => ['-X', setting])
    const args = ['-b', platform.kafka, '-G', `group-of-${topic}`, ...options, topic]
    this.#child = spawn('kcat', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
    consumers.push(this)
  }

  /** What kcat has said of its rebalances, as `assignment of 2` and `revoke of 2`. */
  get rebalances(): readonly string[] {
    return [...this.#said.matchAll(/incremental (\w+ of \d+) partition/g)].map((m) => m[1] ?? '')
  }

  async has(partitions: number): Promise<void> {
    await eventually(
      () => (this.#held() === partitions ? true : undefined),
      () => `${partitions} partitions: ${this.#said}`,
    )
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }

  #held(): number {
    return this.rebalances.reduce((held, text) => {
      const count = Number(text.split(' ').at(-1))
      return text.startsWith('revoke') ? held - count : held + count
    }, 0)
  }
}

test('a cooperative consumer gives up only what another one takes', async () => {
  await succeed('kcat', ['-b', platform.kafka, '-P', '-t', 'cooperative'], { input: 'x\n' })
  const first = new Consumer('cooperative', 'one')
  await first.has(4)
  const second = new Consumer('cooperative', 'two')
  await second.has(2)
  await first.has(2)
  expect(first.rebalances.filter((text) => text.startsWith('revoke'))).toEqual(['revoke of 2'])
})

test('a static consumer that was killed comes back to its partitions, and nobody else notices', async () => {
  await succeed('kcat', ['-b', platform.kafka, '-P', '-t', 'static'], { input: 'x\n' })
  const first = new Consumer('static', 'one')
  await first.has(4)
  const second = new Consumer('static', 'two')
  await second.has(2)
  await first.has(2)
  // The second joins, which revokes two; it is given them; both times the first is told of it.
  const settled = ['assignment of 4', 'revoke of 2', 'assignment of 0', 'assignment of 0']
  await eventually(
    () => (first.rebalances.length === settled.length ? true : undefined),
    () => `the end of the second rebalance: ${first.rebalances.join()}`,
  )
  await second.end('SIGKILL')
  const again = new Consumer('static', 'two')
  await again.has(2)
  expect(again.rebalances).toEqual(['assignment of 2'])
  expect(first.rebalances).toEqual(settled)
})
