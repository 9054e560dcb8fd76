// Tests that no bytes a client can send make the broker throw, hang or hold memory: a hundred thousand of them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRequest } from '../../protocol/request.ts'
import { randomFrom, seed } from '../support/seeded-random.ts'
import { RawKafka } from '../support/raw-kafka.ts'
import { TestBroker } from '../support/test-broker.ts'
import { apiVersions, spoiled, validFrame } from './frames.ts'
import { fuzzBatches, fuzzHandlers, fuzzParser } from './fuzz.ts'
import { MemoryBroker } from './memory-broker.ts'

/** Far above what any takes on a busy machine, far below a hang. */
const slowestMs = 2_000

test(`every table makes requests that it reads back, at every version, SEED=${seed}`, () => {
  const random = randomFrom(seed)
  for (const wanted of apiVersions) {
    for (let n = 0; n < 20; n++) {
      const frame = validFrame(wanted, random)
      expect(parseRequest(frame), `${wanted.api} ${wanted.version}`).toMatchObject({
        ok: true,
        ...wanted,
      })
    }
  }
})

test(`sixty thousand spoiled requests are parsed or refused, SEED=${seed}`, () => {
  const result = fuzzParser(60_000, seed)
  expect(result.accepted).toBeGreaterThan(1_000)
  expect(result.slowestMs, result.slowest).toBeLessThan(slowestMs)
})

test(`thirty thousand spoiled batches are read or refused, SEED=${seed}`, () => {
  const result = fuzzBatches(30_000, seed)
  expect(result.accepted).toBeGreaterThan(100)
  expect(result.slowestMs, result.slowest).toBeLessThan(slowestMs)
})

test(
  `ten thousand requests, half of them spoiled, do a broker no harm, SEED=${seed}`,
  { timeout: 120_000 },
  async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'millrace-fuzz-'))
    const broker = await MemoryBroker.open(scratch)
    const before = process.memoryUsage().rss
    const result = await fuzzHandlers(broker, 10_000, seed)
    expect(result.slowestMs, result.slowest).toBeLessThan(slowestMs)
    expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024)
    expect(await broker.settle()).toEqual([])
    expect(broker.waiting).toBe(0)
    await rm(scratch, { recursive: true, force: true })
  },
)

test(
  `spoiled requests over sockets cost their own connection at most, SEED=${seed}`,
  { timeout: 120_000 },
  async () => {
    const random = randomFrom(seed)
    const broker = await TestBroker.start()
    for (let connection = 0; connection < 60; connection++) {
      const client = await RawKafka.connect(broker.address)
      for (let n = 0; n < 10; n++) {
        const wanted = apiVersions[Math.floor(random() * apiVersions.length)]
        if (wanted === undefined) continue
        const frame = spoiled(validFrame(wanted, random), random)
        const length = Buffer.alloc(4)
        // Now and then the length in front is a lie as well.
        length.writeUInt32BE(random() < 0.05 ? Math.floor(random() * 2 ** 32) : frame.length)
        client.socket.write(Buffer.concat([length, frame]))
      }
      await new Promise((resolve) => setImmediate(resolve))
      client.close()
    }
    const healthy = await RawKafka.connect(broker.address)
    const { errorCode } = await healthy.ask('ApiVersions', 0, {})
    expect(errorCode).toBe(0)
    healthy.close()
    await broker.remove()
  },
)
