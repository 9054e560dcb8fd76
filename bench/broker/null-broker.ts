// A broker that reads and acknowledges and keeps nothing: what one Node thread could reach at most beside the load tool.
import { ftruncateSync, openSync, writeSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { receiveFrom, sharingBuffer } from '../../broker/server/receiving-socket.ts'
import { apis, type ApiName, type ResponseOf } from '../../protocol/apis.ts'
import { encodeResponse, parseRequest, type KafkaRequest } from '../../protocol/request.ts'

/*
 * Batches are neither copied, nor looked at, nor counted: of a Produce request only the bytes before them are kept.
 * Takes one partition in a request, as librdkafka sends them. With a path it writes all that it receives to that file, through
 * the page cache and unflushed, which is what any log has to do at least.
 */

const produceKey = 0
/** The last that is not flexible: its fields have fixed places. */
const produceMaxVersion = 7
/** A Produce request's fields before its batches. */
const keptBytes = 1024

const [path] = process.argv.slice(2)
const file = path === undefined ? undefined : openSync(path, 'a')
const topics = new Map<string, number>()
let nextOffset = 0

const server = createServer({ pauseOnConnect: true }, (accepted) => serve(sharingBuffer(accepted)))
server.listen(0, '127.0.0.1', () => process.stdout.write(`127.0.0.1:${port()}\n`))

function port(): number {
  return (server.address() as AddressInfo).port
}

function serve(socket: Socket): void {
  let head = Buffer.alloc(0)
  let length = -1
  let seen = 0
  const finish = (): void => {
    const answer = answerTo(head)
    if (answer !== undefined) socket.write(answer)
    head = Buffer.alloc(0)
    length = -1
    seen = 0
  }
  socket.setNoDelay(true)
  socket.on('error', () => {})
  const received = (chunk: Buffer): void => {
    if (file !== undefined) writeSync(file, chunk)
    for (let at = 0; at < chunk.length;) {
      const isSized = length >= 0
      const wanted = isSized ? length - seen : 4 - head.length
      const piece = chunk.subarray(at, at + wanted)
      at += piece.length
      if (isSized) seen += piece.length
      const isKept = !isSized || head.length < keptBytes || !isProduce(head)
      if (isKept) head = Buffer.concat([head, piece.subarray(0, keptOf(head, piece, isSized))])
      if (!isSized && head.length === 4) {
        length = head.readInt32BE(0)
        head = Buffer.alloc(0)
      }
      if (length >= 0 && seen === length) finish()
    }
  }
  receiveFrom(socket, { received, room: () => undefined })
}

function keptOf(head: Buffer, piece: Buffer, isSized: boolean): number {
  const isBatch = isSized && isProduce(head.length >= 2 ? head : piece)
  return isBatch ? Math.max(0, keptBytes - head.length) : piece.length
}

function isProduce(frame: Buffer): boolean {
  return frame.length >= 2 && frame.readInt16BE(0) === produceKey
}

function answerTo(frame: Buffer): Buffer | undefined {
  if (isProduce(frame)) return Buffer.concat(acknowledge(frame))
  const request = parseRequest(frame)
  if (!request.ok) throw new Error(request.reason)
  const { api, version, correlationId } = request
  return Buffer.concat(encodeResponse(api, version, correlationId, bodyFor(request) as never))
}

function acknowledge(frame: Buffer): Buffer[] {
  const text = (at: number): string =>
    frame.toString('latin1', at + 2, at + 2 + Math.max(0, frame.readInt16BE(at)))
  const afterText = (at: number): number => at + 2 + Math.max(0, frame.readInt16BE(at))
  const afterIds = afterText(afterText(8))
  // acks, timeout and the number of topics lie before the topic; the number of partitions behind it.
  const topicAt = afterIds + 10
  const index = frame.readInt32BE(afterText(topicAt) + 4)
  const partition = { index, errorCode: 0, baseOffset: nextOffset++ }
  return encodeResponse('Produce', frame.readInt16BE(2), frame.readInt32BE(4), {
    responses: [{ name: text(topicAt), partitionResponses: [partition] }],
  })
}

function bodyFor(request: KafkaRequest): ResponseOf<ApiName> {
  switch (request.api) {
    case 'ApiVersions': {
      const apiKeys = Object.values(apis).map(({ key, minVersion, maxVersion }) => ({
        apiKey: key,
        minVersion,
        maxVersion: key === produceKey ? produceMaxVersion : maxVersion,
      }))
      return { errorCode: 0, apiKeys }
    }
    case 'Metadata':
      return {
        brokers: [{ nodeId: 1, host: '127.0.0.1', port: port() }],
        controllerId: 1,
        topics: (request.body.topics ?? []).map(({ name }) => described(name ?? '')),
      }
    case 'CreateTopics':
      for (const { name, numPartitions } of request.body.topics) topics.set(name, numPartitions)
      return { topics: request.body.topics.map(({ name }) => ({ name, errorCode: 0 })) }
    case 'DeleteTopics':
      // As a log gives its memory back with a topic's files.
      if (file !== undefined) ftruncateSync(file)
      return { responses: (request.body.topicNames ?? []).map((name) => ({ name, errorCode: 0 })) }
    default:
      throw new Error(`${request.api} is not answered here`)
  }
}

function described(name: string): ResponseOf<'Metadata'>['topics'][number] {
  const partitions = Array.from({ length: topics.get(name) ?? 1 }, (_, partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    replicaNodes: [1],
    isrNodes: [1],
  }))
  return { errorCode: 0, name, partitions }
}
