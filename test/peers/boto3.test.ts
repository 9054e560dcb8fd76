// Runs the tour of boto3, the AWS SDK for Python, and holds what it saw against AWS's own answers.
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'
const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tour'

/** What tour.py prints, as far as these tests look at it. */
interface Tour {
  readonly function: Readonly<Record<string, unknown>> & {
    readonly invoked: { readonly log: string }
    readonly failed: { readonly log: string; readonly payload: { readonly trace: string[] } }
  }
  readonly concurrency: unknown
  readonly mapping: Readonly<Record<string, unknown>>
  readonly errors: Readonly<Record<string, unknown>>
  readonly functionGone: unknown
}

let platform: Platform
let tour: Tour
beforeAll(async () => {
  if (!existsSync(python)) throw new Error('boto3 is missing: run "make test-peers"')
  platform = await startPlatform()
  const output = await succeed(python, ['test/peers/tour.py', platform.aws, platform.kafka], {
    timeoutMs: 100_000,
  })
  tour = JSON.parse(output.toString()) as Tour
})
afterAll(() => platform.stop())

/** An error as boto3 presents it. */
function refusal(status: number, code: string, message: string | RegExp): object {
  return {
    class: code,
    code,
    status,
    requestId: true,
    message: typeof message === 'string' ? message : (expect.stringMatching(message) as string),
  }
}

test('a function is created with Lambda’s defaults and becomes active', () => {
  expect(tour.function['created']).toEqual({
    FunctionName: 'tour',
    FunctionArn: arn,
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    MemorySize: 128,
    Timeout: 5,
    Version: '$LATEST',
  })
  expect(tour.function['listed']).toEqual(['tour'])
})

test('Invoke returns what the handler returned, and its log when asked', () => {
  expect(tour.function.invoked).toMatchObject({
    status: 200,
    error: null,
    version: '$LATEST',
    payload: { greeting: 'hello mill', function: 'tour', table: 'first' },
  })
  expect(tour.function.invoked.log).toMatch(/^START RequestId: [\s\S]*greeting mill[\s\S]*\nEND /)
  expect(tour.function.invoked.log).toMatch(/REPORT RequestId: .*Duration: .* ms/)
  expect(tour.function['dryRun']).toBe(204)
})

test('a handler that throws is a result with FunctionError, not an error of the call', () => {
  expect(tour.function.failed).toMatchObject({
    status: 200,
    error: 'Unhandled',
    payload: { errorType: 'RangeError', errorMessage: 'no such gear' },
  })
  expect(tour.function.failed.payload.trace[0]).toBe('RangeError: no such gear')
})

test('new code and new configuration take effect', () => {
  expect(tour.function).toMatchObject({
    codeChanged: true,
    memory: 512,
    invokedAgain: { greeting: 'good morning mill', table: 'second' },
  })
})

test('reserved concurrency is put, kept, seen and taken back, in the shapes and words of AWS', () => {
  expect(tour.concurrency).toEqual({
    unset: null,
    put: 0,
    get: 0,
    function: { ReservedConcurrentExecutions: 0 },
    throttled: [429, 'ReservedFunctionConcurrentInvocationLimitExceeded'],
    limits: [1000, 960],
    functions: 1,
    tooMuch: refusal(
      400,
      'InvalidParameterValueException',
      "Specified ReservedConcurrentExecutions for function decreases account's " +
        'UnreservedConcurrentExecution below its minimum value of [100].',
    ),
    deleted: false,
    invoked: 200,
  })
})

test('a mapping goes through the states that AWS reports', () => {
  expect(tour.mapping).toMatchObject({
    created: {
      State: 'Creating',
      BatchSize: 50,
      MaximumBatchingWindowInSeconds: 1,
      Topics: ['tour'],
      StartingPosition: 'TRIM_HORIZON',
    },
    enabled: 'Enabled',
    listed: [true],
    updated: ['Disabling', 7],
    disabled: 'Disabled',
    deleted: 'Deleting',
    gone: refusal(404, 'ResourceNotFoundException', 'The resource you requested does not exist.'),
  })
})

test('a second mapping of the same function, server and topic is refused with AWS’s text', () => {
  expect(tour.mapping['duplicate']).toEqual(
    refusal(
      409,
      'ResourceConflictException',
      `An event source mapping with event source ("${platform.kafka}"), function ("${arn}"), ` +
        'topics ("tour") already exists. Please update or delete the existing mapping with UUID UUID',
    ),
  )
})

test.each([
  ['noSuchFunction', 404, 'ResourceNotFoundException', /^Function not found: arn:.*:nobody$/],
  ['invokeNoSuchFunction', 404, 'ResourceNotFoundException', /^Function not found: arn:.*:nobody$/],
  ['functionExists', 409, 'ResourceConflictException', 'Function already exist: tour'],
  ['notJson', 400, 'InvalidRequestContentException', /^Could not parse request body into json: /],
  ['notAZip', 400, 'InvalidParameterValueException', /[Zz]ip/],
  ['noSuchMapping', 404, 'ResourceNotFoundException', 'The resource you requested does not exist.'],
  ['mappingOfNobody', 400, 'InvalidParameterValueException', 'Function does not exist'],
  ['noSource', 400, 'InvalidParameterValueException', 'Unrecognized event source.'],
  ['badFilter', 400, 'InvalidParameterValueException', 'Invalid filter pattern definition.'],
] as const)('the refusal "%s" has AWS’s status, code and text', (name, status, code, message) => {
  expect(tour.errors[name]).toEqual(refusal(status, code, message))
})

test('a value outside of an enumeration is a ValidationException in AWS’s words', () => {
  expect(tour.errors['badPosition']).toEqual({
    // botocore's model of Lambda has no class for it.
    ...refusal(
      400,
      'ValidationException',
      "1 validation error detected: Value 'SOMEWHERE' at 'startingPosition' failed to satisfy " +
        'constraint: Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]',
    ),
    class: 'ClientError',
  })
})

test('a deleted function is gone', () => {
  expect(tour.functionGone).toEqual(
    refusal(404, 'ResourceNotFoundException', `Function not found: ${arn}`),
  )
})
