// The floor of the bench: a server that reads each request and answers what was prepared, whatever was asked.
import { createServer } from 'node:http'

const sequenceNumber = '49664783520000000000000000000000000000000000000000000000'
const put = { ShardId: 'shardId-000000000000', SequenceNumber: sequenceNumber }
const answers: Readonly<Record<string, string>> = {
  CreateStream: '',
  DescribeStreamSummary: '{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE"}}',
  ListShards: '{"Shards":[]}',
  PutRecord: JSON.stringify(put),
  PutRecords: JSON.stringify({
    FailedRecordCount: 0,
    Records: Array.from({ length: 500 }, () => put),
  }),
}

const server = createServer((request, response) => {
  const [, name = ''] = String(request.headers['x-amz-target']).split('.')
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(answers[name])
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
