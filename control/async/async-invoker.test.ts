// Tests the queue of asynchronous invocations: retries, ends, destinations, fairness and restarts.
import { expect, test } from 'vitest'
import { failed, openQueue, succeeded, throttled } from '../../test/support/async-queue.ts'
import { AppError } from '../../common/errors.ts'
import { parseTarget } from '../../destinations/target.ts'

const functionArn = (name: string): string =>
  `arn:aws:lambda:us-east-1:000000000000:function:${name}`
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:dead'
const minuteMs = 60_000
const hourMs = 60 * minuteMs

test('an event is on the disk before it is taken, runs once, and is gone', async () => {
  const h = await openQueue()
  await h.define('tyres')
  const requestId = await h.submit('tyres', '{"n":1}')
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen).toEqual([{ functionName: 'tyres', payload: '{"n":1}', requestId }])
  await h.restart()
  expect(h.functions.seen).toHaveLength(1)
  expect([...h.queue.events()]).toEqual([])
})

test('a function that fails is tried after one and two more minutes, under the same request id', async () => {
  const h = await openQueue()
  await h.define('tyres')
  h.functions.answer = failed
  const requestId = await h.submit('tyres')
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 1)
  h.clock.advance(minuteMs - 1)
  expect(h.functions.seen).toHaveLength(1)
  h.clock.advance(1)
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 2)
  h.clock.advance(2 * minuteMs - 1)
  expect(h.functions.seen).toHaveLength(2)
  h.clock.advance(1)
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen.map((i) => i.requestId)).toEqual([requestId, requestId, requestId])
  expect(h.queue.counters.of('tyres')).toMatchObject({ received: 1, dropped: 1 })
})

test('as many retries as were asked for, none included', async () => {
  const h = await openQueue()
  const config = { lastModifiedMs: 0, maximumRetryAttempts: 0, onFailure: queueArn }
  await h.define('tyres', { eventInvokeConfigs: { $LATEST: config } })
  h.functions.answer = failed
  await h.submit('tyres')
  await h.settled(() => h.sender.sent.length === 1)
  expect(h.functions.seen).toHaveLength(1)
})

test('the on-failure destination gets the record that Lambda writes', async () => {
  const h = await openQueue()
  await h.define('tyres', {
    eventInvokeConfigs: {
      $LATEST: { lastModifiedMs: 0, onFailure: queueArn, onSuccess: queueArn },
    },
  })
  h.functions.answer = failed
  const requestId = await h.submit('tyres', '{"size": 17}')
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 1)
  h.clock.advance(minuteMs)
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 2)
  h.clock.advance(2 * minuteMs)
  await h.settled(() => h.queue.counters.of('tyres').deliveries.onFailure === 1)
  const [sent] = h.sender.sent
  expect(sent?.arn).toBe(queueArn)
  const record = JSON.parse(sent?.message.body ?? '') as object
  expect(record).toEqual({
    version: '1.0',
    timestamp: '1970-01-01T00:19:40.000Z',
    requestContext: {
      requestId,
      functionArn: `${functionArn('tyres')}:$LATEST`,
      condition: 'RetriesExhausted',
      approximateInvokeCount: 3,
    },
    requestPayload: { size: 17 },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    responsePayload: { errorType: 'Error', errorMessage: 'no such tyre' },
  })
  expect(Object.keys(record)).toEqual([
    'version',
    'timestamp',
    'requestContext',
    'requestPayload',
    'responseContext',
    'responsePayload',
  ])
  expect(sent?.message.objectKey).toBe(
    `aws/lambda/async/tyres/1970/01/01/1970-01-01T00.19.40-${requestId}`,
  )
})

test('a success goes to the on-success destination alone', async () => {
  const h = await openQueue()
  const busArn = 'arn:aws:events:us-east-1:000000000000:event-bus/default'
  await h.define('tyres', {
    deadLetterArn: queueArn,
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess: busArn, onFailure: queueArn } },
  })
  await h.submit('tyres')
  await h.settled(() => h.queue.counters.of('tyres').deliveries.onSuccess === 1)
  expect(h.sender.sent.map(({ arn }) => arn)).toEqual([busArn])
  const { body, busEvent } = h.sender.sent[0]?.message ?? {}
  expect(JSON.parse(body ?? '')).toMatchObject({
    requestContext: { condition: 'Success', approximateInvokeCount: 1 },
    responseContext: { statusCode: 200, executedVersion: '$LATEST' },
    responsePayload: { did: 'it' },
  })
  expect(busEvent).toEqual({
    detailType: 'Lambda Function Invocation Result - Success',
    resources: [`${functionArn('tyres')}:$LATEST`],
  })
})

test('a dead-letter queue gets the event as it was, with why as attributes', async () => {
  const h = await openQueue()
  await h.define('tyres', {
    deadLetterArn: queueArn,
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, maximumRetryAttempts: 0 } },
  })
  h.functions.answer = failed
  const requestId = await h.submit('tyres', '{"size": 17}')
  await h.settled(() => h.queue.counters.of('tyres').deliveries.deadLetter === 1)
  expect(h.sender.sent[0]?.message).toMatchObject({
    body: '{"size": 17}',
    attributes: { RequestID: requestId, ErrorCode: 200, ErrorMessage: 'no such tyre' },
  })
})

test('a function as destination is invoked with the record, and its own destination after it', async () => {
  const h = await openQueue()
  const to = (name: string) => ({
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess: functionArn(name) } },
  })
  await h.define('tyres', to('mount'))
  await h.define('mount', to('drive'))
  await h.define('drive')
  await h.submit('tyres', '{"size":17}')
  await h.settled(() => h.functions.payloads('drive').length === 1)
  const record = JSON.parse(h.functions.payloads('drive')[0] ?? '') as object
  expect(record).toMatchObject({
    requestContext: { functionArn: `${functionArn('mount')}:$LATEST` },
    requestPayload: {
      requestContext: { functionArn: `${functionArn('tyres')}:$LATEST` },
      requestPayload: { size: 17 },
    },
  })
})

test('functions that invoke each other in a ring are stopped', async () => {
  const h = await openQueue()
  const to = (name: string) => ({
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess: functionArn(name) } },
  })
  await h.define('ping', to('pong'))
  await h.define('pong', to('ping'))
  await h.submit('ping')
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen).toHaveLength(17)
  expect(h.queue.counters.of('ping').destinationFailures).toBe(1)
})

test('throttles do not count as tries: they back off, and end with the age of the event', async () => {
  const h = await openQueue()
  await h.define('tyres', {
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onFailure: queueArn } },
  })
  h.functions.answer = throttled
  await h.submit('tyres')
  for (const [index, seconds] of [0, 1, 2, 4, 8, 16].entries()) {
    h.clock.advance(seconds * 1000)
    await h.settled(() => h.queue.counters.of('tyres').retries.throttled === index + 1)
  }
  h.clock.advance(6 * hourMs)
  await h.settled(() => h.sender.sent.length === 1)
  const record = JSON.parse(h.sender.sent[0]?.message.body ?? '') as Record<string, unknown>
  expect(record).toMatchObject({
    requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 0 },
  })
  expect(record).not.toHaveProperty('responseContext')
  expect(h.queue.counters.of('tyres')).toMatchObject({ dropped: 1 })
})

test('workers that are away are waited for, however long', async () => {
  const h = await openQueue()
  await h.define('tyres')
  h.functions.answer = () => {
    throw new AppError('WORKERS_UNREACHABLE', { url: 'http://none', reason: 'refused' })
  }
  await h.submit('tyres')
  await h.settled(() => h.queue.counters.of('tyres').retries.unreached === 1)
  h.functions.answer = succeeded
  h.clock.advance(1000)
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen).toHaveLength(2)
})

test('a function whose reservation is nothing has its events given up at once', async () => {
  const h = await openQueue()
  await h.define('tyres', {
    reservedConcurrency: 0,
    eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onFailure: queueArn } },
  })
  await h.submit('tyres', '{"a":1}')
  await h.settled(() => h.sender.sent.length === 1)
  expect(h.functions.seen).toEqual([])
  expect(JSON.parse(h.sender.sent[0]?.message.body ?? '')).toMatchObject({
    requestContext: { condition: 'ZeroReservedConcurrency', approximateInvokeCount: 0 },
    requestPayload: { a: 1 },
  })
})

test('a retry that would come after the age of the event is not waited for', async () => {
  const h = await openQueue()
  const config = { lastModifiedMs: 0, maximumEventAgeSeconds: 90, onFailure: queueArn }
  await h.define('tyres', { eventInvokeConfigs: { $LATEST: config } })
  h.functions.answer = failed
  await h.submit('tyres')
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 1)
  h.clock.advance(minuteMs)
  await h.settled(() => h.sender.sent.length === 1)
  expect(JSON.parse(h.sender.sent[0]?.message.body ?? '')).toMatchObject({
    requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 2 },
    responseContext: { functionError: 'Unhandled' },
  })
})

test('a destination that is away is tried five times, then counted; other functions go on', async () => {
  const h = await openQueue()
  const onSuccess = queueArn
  await h.define('tyres', { eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess } } })
  await h.define('engine')
  let tries = 0
  h.sender.before = () => {
    tries += 1
    throw new AppError('DESTINATION_FAILED', { destination: queueArn, reason: 'away' })
  }
  await h.submit('tyres')
  for (const [index, delayMs] of [0, 1000, 2000, 4000, 8000].entries()) {
    h.clock.advance(delayMs)
    await h.settled(() => tries === index + 1)
    await h.submit('engine')
    await h.settled(() => h.functions.payloads('engine').length === index + 1)
  }
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.queue.counters.of('tyres')).toMatchObject({ destinationFailures: 1, dropped: 0 })
  expect(h.functions.payloads('tyres')).toHaveLength(1)
})

test('a destination that refuses is not asked again', async () => {
  const h = await openQueue()
  const config = { lastModifiedMs: 0, maximumRetryAttempts: 0, onFailure: queueArn }
  await h.define('tyres', { deadLetterArn: queueArn, eventInvokeConfigs: { $LATEST: config } })
  h.functions.answer = failed
  h.sender.before = () => {
    throw new AppError('DESTINATION_REFUSED', { destination: queueArn, reason: 'no such queue' })
  }
  await h.submit('tyres')
  await h.settled(() => h.queue.backlog().length === 0)
  const counted = { destinationFailures: 1, deadLetterErrors: 1 }
  expect(h.queue.counters.of('tyres')).toMatchObject(counted)
})

test('a record too large for a function is counted, and nothing else suffers', async () => {
  const h = await openQueue()
  const onSuccess = functionArn('mount')
  await h.define('tyres', { eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess } } })
  await h.define('mount')
  h.functions.answer = (i) => ({ ...succeeded(i), payload: JSON.stringify('x'.repeat(1_048_576)) })
  await h.submit('tyres')
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.queue.counters.of('tyres').destinationFailures).toBe(1)
})

test("one function's backlog does not hold up another's", async () => {
  const h = await openQueue({ limits: { functionInvocationsMax: 2, invocationsMax: 8 } })
  await h.define('slow')
  await h.define('quick')
  const gate = Promise.withResolvers<void>()
  h.functions.answer = async (invocation) => {
    if (invocation.functionName === 'slow') await gate.promise
    return succeeded(invocation)
  }
  for (let n = 0; n < 50; n += 1) await h.submit('slow')
  await h.submit('quick')
  await h.settled(() => h.functions.payloads('quick').length === 1)
  expect(h.functions.payloads('slow')).toHaveLength(2)
  gate.resolve()
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.payloads('slow')).toHaveLength(50)
})

test('a queue that one function has filled still takes events of others', async () => {
  const h = await openQueue({ limits: { eventsMax: 20, functionInvocationsMax: 1 } })
  await h.define('slow')
  await h.define('quick')
  const gate = Promise.withResolvers<void>()
  h.functions.answer = async (invocation) => {
    await gate.promise
    return succeeded(invocation)
  }
  for (let n = 0; n < 10; n += 1) await h.submit('slow')
  expect(await h.queue.submit({ functionName: 'slow', payload: '{}' })).toBe('full')
  await h.submit('quick')
  expect(h.queue.counters.of('slow')).toMatchObject({ received: 10, refused: 1 })
  gate.resolve()
  await h.settled(() => h.queue.backlog().length === 0)
})

test('what was queued, waits for a retry or for its destination is there after a restart', async () => {
  const h = await openQueue()
  const onSuccess = queueArn
  await h.define('told', { eventInvokeConfigs: { $LATEST: { lastModifiedMs: 0, onSuccess } } })
  await h.define('fails')
  await h.define('waits')
  h.sender.before = () => {
    throw new AppError('DESTINATION_FAILED', { destination: queueArn, reason: 'away' })
  }
  h.functions.answer = (invocation) => {
    if (invocation.functionName === 'waits') return throttled(invocation)
    return (invocation.functionName === 'fails' ? failed : succeeded)(invocation)
  }
  const id = await h.submit('fails', '{"n":1}')
  await h.submit('waits', '{"n":2}')
  await h.submit('told', '{"n":3}')
  await h.settled(() => {
    const of = h.queue.counters
    const waiting = [...h.queue.events()].filter((e) => e.setbacks === 1)
    return of.of('fails').retries.failed === 1 && waiting.length === 2
  })
  await h.restart()
  h.functions.seen.length = 0
  h.sender.before = () => undefined
  h.functions.answer = succeeded
  h.clock.advance(minuteMs)
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.payloads().toSorted()).toEqual(['{"n":1}', '{"n":2}'])
  expect(h.functions.seen.find((i) => i.functionName === 'fails')?.requestId).toBe(id)
  expect(h.sender.sent.map(({ message }) => JSON.parse(message.body) as object)).toMatchObject([
    { requestPayload: { n: 3 }, responsePayload: { did: 'it' } },
  ])
})

test('an event whose invocation a stop cuts off runs once more', async () => {
  const h = await openQueue()
  await h.define('tyres')
  const gate = Promise.withResolvers<void>()
  h.functions.answer = async (invocation) => {
    await gate.promise
    return succeeded(invocation)
  }
  const requestId = await h.submit('tyres')
  await h.settled(() => h.functions.seen.length === 1)
  const stopping = h.queue.drain(1000)
  h.clock.advance(1000)
  await stopping
  await h.restart()
  gate.resolve()
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen.map((i) => i.requestId)).toEqual([requestId, requestId])
})

test('events of a function that was deleted go with it', async () => {
  const h = await openQueue()
  await h.define('tyres')
  h.functions.answer = failed
  await h.submit('tyres')
  await h.settled(() => h.queue.counters.of('tyres').retries.failed === 1)
  await h.registry.removeFunction('tyres')
  h.clock.advance(minuteMs)
  await h.settled(() => h.queue.backlog().length === 0)
  expect(h.functions.seen).toHaveLength(1)
})

test('only ARNs of what can take a record are destinations', () => {
  expect(parseTarget(functionArn('a_b-1'))).toMatchObject({ kind: 'function', name: 'a_b-1' })
  expect(parseTarget(`${functionArn('a')}:live`)).toMatchObject({ qualifier: 'live' })
  expect(parseTarget(queueArn)).toMatchObject({ kind: 'queue', name: 'dead', region: 'us-east-1' })
  expect(parseTarget('arn:aws:s3:::a.bucket')).toMatchObject({ kind: 'bucket', name: 'a.bucket' })
  for (const arn of ['', 'kafka://t', `${queueArn}.fifo`, 'arn:aws:s3:::a/b', 'arn:aws:iam::1:x']) {
    expect(parseTarget(arn)).toBeUndefined()
  }
})
