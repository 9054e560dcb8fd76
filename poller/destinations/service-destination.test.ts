// Tests which part of a failure record a queue, a topic and a bucket get, and under which key.
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { parseTarget } from '../../destinations/target.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { RecordingSender } from '../../test/support/recording-sender.ts'
import { ServiceDestination } from './service-destination.ts'

const message = { key: null, value: '{"payload":"p"}', withoutPayload: '{}' }

function destinationOf(arn: string): { sender: RecordingSender; destination: ServiceDestination } {
  const target = parseTarget(arn)
  if (target === undefined) throw new Error(`${arn} is no target`)
  const sender = new RecordingSender()
  const clock = new ManualClock()
  const of = { target, sender, clock, mappingUuid: '2f0e' }
  return { sender, destination: new ServiceDestination(of) }
}

test.each([
  ['arn:aws:sqs:us-east-1:000000000000:dead', '{}'],
  ['arn:aws:sns:us-east-1:000000000000:dead', '{}'],
  ['arn:aws:s3:::dead', '{"payload":"p"}'],
])('%s gets %s', async (arn, body) => {
  const { sender, destination } = destinationOf(arn)
  expect(destination.name).toBe(arn)
  await destination.send([message])
  expect(sender.sent).toEqual([
    {
      arn,
      message: {
        body,
        objectKey: expect.stringMatching(
          /^aws\/lambda\/2f0e\/1970\/01\/01\/1970-01-01T00\.16\.40-[0-9a-f-]{36}$/,
        ) as string,
      },
    },
  ])
  await destination.close()
})

test("the object of a stream's records has the shard in its key", async () => {
  const { sender, destination } = destinationOf('arn:aws:s3:::dead')
  await destination.send([{ ...message, shardId: 'shardId-000000000001' }])
  expect(sender.sent[0]?.message.objectKey).toMatch(
    /^aws\/lambda\/2f0e\/shardId-000000000001\/1970\/01\/01\/1970-01-01T00\.16\.40-[0-9a-f-]{36}$/,
  )
})

test('what the service says is passed on', async () => {
  const { sender, destination } = destinationOf('arn:aws:s3:::dead')
  sender.before = () => {
    throw new AppError('DESTINATION_REFUSED', { destination: 'd', reason: 'no such bucket' })
  }
  await expect(destination.send([message])).rejects.toMatchObject({ code: 'DESTINATION_REFUSED' })
})
