// Tests that a client which asks and does not read costs nobody else anything: writers go on, memory stays bounded.
import { expect, test } from 'vitest'
import { batchOf } from '../../test/support/log-store.ts'
import { RawKafka } from '../../test/support/raw-kafka.ts'
import { TestBroker } from '../../test/support/test-broker.ts'

const fetchAll = {
  maxWaitMs: 0,
  minBytes: 0,
  maxBytes: 50_000_000,
  isolationLevel: 0,
  topics: [
    { topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50_000_000 }] },
  ],
}

test(
  'writers are answered while readers that asked for much do not read at all',
  { timeout: 60_000 },
  async () => {
    const broker = await TestBroker.start()
    const writer = await RawKafka.connect(broker.address)
    const produce = async (): Promise<number | undefined> => {
      const partitionData = [{ index: 0, records: batchOf(['x'.repeat(500_000)]) }]
      const topicData = [{ name: 't', partitionData }]
      const { responses } = await writer.ask('Produce', 8, {
        acks: -1,
        timeoutMs: 5_000,
        topicData,
      })
      return responses[0]?.partitionResponses[0]?.errorCode
    }
    await writer.ask('Metadata', 4, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
    for (let n = 0; n < 40; n++) expect(await produce()).toBe(0)
    const before = process.memoryUsage().arrayBuffers
    const readers: RawKafka[] = []
    for (let n = 0; n < 8; n++) {
      const reader = await RawKafka.connect(broker.address)
      reader.socket.pause()
      // Twenty megabytes each: eight times sixty of them would be ten gigabytes.
      for (let request = 0; request < 60; request++) reader.send('Fetch', 11, fetchAll)
      readers.push(reader)
    }
    for (let n = 0; n < 40; n++) expect(await produce()).toBe(0)
    // One answer of each is made and stuck; none is made behind it.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(400_000_000)
    // Who reads in the end gets all of it.
    const late = readers[0]
    late?.socket.resume()
    const response = await late?.receive('Fetch', 11)
    expect(response?.responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(10_000_000)
    for (const reader of readers) reader.close()
    writer.close()
    await broker.remove()
  },
)
