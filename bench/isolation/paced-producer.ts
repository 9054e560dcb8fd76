// A thread that sends records to one topic at a steady pace, each with the time at which it was sent.
import { setTimeout as pause } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { Kafka, logLevel } from 'kafkajs'
import { mendRequestQueue } from '../../common/kafka-client.ts'

/** What the thread is handed. */
export interface Pace {
  /** `host:port` of a broker. */
  readonly broker: string
  readonly topic: string
  readonly perSecond: number
  readonly records: number
  readonly sizeBytes: number
}

// Else an idle connection would wake it a thousand times a second.
mendRequestQueue()
const pace = workerData as Pace
const kafka = new Kafka({ brokers: [pace.broker], logLevel: logLevel.NOTHING })
const producer = kafka.producer({ maxInFlightRequests: 100 })
await producer.connect()
parentPort?.postMessage('ready', [])
parentPort?.once('message', () => void produce())

/**
 * One record at a time, sent when it is due; none waits for the answer to another. Each is due anywhere in its part of the
 * time: threads that all send at the same moment would measure their own crowd.
 */
async function produce(): Promise<void> {
  const { topic, perSecond, records, sizeBytes } = pace
  const startMs = performance.now()
  const sends: Promise<unknown>[] = []
  const dueMs = (i: number): number => startMs + ((i + Math.random()) * 1000) / perSecond
  for (let nextMs = dueMs(0); sends.length < records;) {
    for (; sends.length < records && nextMs <= performance.now(); nextMs = dueMs(sends.length)) {
      const value = `${nowText()} `.padEnd(sizeBytes, 'x')
      sends.push(producer.send({ topic, acks: -1, messages: [{ value }] }))
    }
    await pause(1)
  }
  await Promise.all(sends)
  await producer.disconnect()
}

/** Milliseconds since the epoch, in 20 characters. */
function nowText(): string {
  const nowMs = performance.timeOrigin + performance.now()
  return nowMs.toFixed(6).padEnd(20, '0').slice(0, 20)
}
