// Runs enhanced fan-out with boto3 over HTTP/1.1: what is pushed, where a subscription goes on, and a closed shard's end.
import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { TestBroker } from '../support/test-broker.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'

test('boto3 is pushed each record once, goes on where it was, and is led to the children', async () => {
  if (!existsSync(python)) throw new Error('boto3 is missing: run "make test-peers"')
  const broker = await TestBroker.start({ kinesisPort: 0 })
  onTestFinished(() => broker.remove())
  const url = broker.role.doors['kinesis'] ?? ''
  const output = await succeed(python, ['test/peers/kinesis-fan-out.py', url], {
    timeoutMs: 60_000,
  })
  const count = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, index) => from + index)
  const { first, ...rest } = JSON.parse(output.toString()) as { readonly first: readonly number[] }
  expect(first).toEqual(count(0, 40))
  expect(rest).toEqual({
    status: 'CREATING',
    listed: ['pit-wall'],
    second: count(40, 60),
    record: ['ApproximateArrivalTimestamp', 'Data', 'PartitionKey', 'SequenceNumber'],
    last: [],
    children: ['shardId-000000000001', 'shardId-000000000002'],
  })
})
