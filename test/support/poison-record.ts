// What AWS writes to a Kafka topic of the one record that its function could not take.
import { expect } from 'vitest'

/** `offset` 2 of `orders-0` with key `k-poison` and value `poison`, given up at the second attempt. */
export function expectPoisonRecord(text: string | undefined, bootstrapServers: string): void {
  const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
  const record = JSON.parse(text ?? '') as { payload: object }
  expect(record).toEqual({
    requestContext: {
      requestId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
      functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:on-orders',
      condition: 'RetryAttemptsExhausted',
      approximateInvokeCount: 2,
    },
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      functionError: 'Unhandled',
    },
    version: '1.0',
    timestamp: iso,
    KafkaBatchInfo: {
      batchSize: 1,
      bootstrapServers,
      payloadSize: JSON.stringify(record.payload).length,
      recordInfo: { offset: '2', timestamp: iso },
    },
    payload: {
      eventSource: 'SelfManagedKafka',
      bootstrapServers,
      records: {
        'orders-0': [
          {
            topic: 'orders',
            partition: 0,
            offset: 2,
            timestamp: expect.any(Number) as number,
            timestampType: 'CREATE_TIME',
            key: Buffer.from('k-poison').toString('base64'),
            value: Buffer.from('poison').toString('base64'),
            headers: [],
          },
        ],
      },
    },
  })
}
