// The floor of the bench: a server that reads each request and answers what was prepared, whatever was asked.
import { createServer } from 'node:http'

const sequenceNumber = '49664783520000000000000000000000000000000000000000000000'
const put = { ShardId: 'shardId-000000000000', SequenceNumber: sequenceNumber }
/** As many as an answer of GetRecords has at most of 1 KB, and so many answers of each shard. */
const recordsPerRead = 9_500
const readsPerShard = 6
const shards = 4
const record = {
  SequenceNumber: sequenceNumber,
  ApproximateArrivalTimestamp: 1_764_000_000.123,
  Data: Buffer.alloc(1024, 'measured ').toString('base64'),
  PartitionKey: '0-123-456',
}
const records = JSON.stringify(Array.from({ length: recordsPerRead }, () => record))
/** By the number of the answer, which is what an iterator says. */
const reads = Array.from({ length: readsPerShard + 1 }, (_, read) => {
  const isLast = read === readsPerShard
  const rest = `"NextShardIterator":"${read + 1}","MillisBehindLatest":${isLast ? 0 : 1000}`
  return Buffer.from(`{"Records":${isLast ? '[]' : records},${rest}}`)
})
const answers: Readonly<Record<string, string>> = {
  CreateStream: '',
  DescribeStreamSummary: '{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE"}}',
  ListShards: JSON.stringify({
    Shards: Array.from({ length: shards }, (_, index) => ({
      ShardId: `shardId-00000000000${index}`,
    })),
  }),
  GetShardIterator: '{"ShardIterator":"0"}',
  PutRecord: JSON.stringify(put),
  PutRecords: JSON.stringify({
    FailedRecordCount: 0,
    Records: Array.from({ length: 500 }, () => put),
  }),
}

const server = createServer((request, response) => {
  const [, name = ''] = String(request.headers['x-amz-target']).split('.')
  let body = ''
  if (name === 'GetRecords') request.setEncoding('latin1').on('data', (text) => (body += text))
  else request.resume()
  request.once('end', () => {
    const isRead = name === 'GetRecords'
    const { ShardIterator = '0' } = isRead
      ? (JSON.parse(body) as { readonly ShardIterator?: string })
      : {}
    const answer = isRead ? reads[Number(ShardIterator)] : answers[name]
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.1',
      'content-length': Buffer.byteLength(answer ?? ''),
    })
    response.end(answer)
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
