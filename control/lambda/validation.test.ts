// Tests the pure parts of the Lambda API: names, violations, pages, states.
import { expect, test } from 'vitest'
import { mappingRecord } from '../../test/support/registry-contract.ts'
import { LambdaApiError } from './api-errors.ts'
import { newFunctionName, resolveFunctionName } from './function-name.ts'
import { changingState, mappingState } from './mapping-state.ts'
import { pageOf } from './paging.ts'
import { saysNothing, Violations } from '../../common/aws/validation.ts'

const account = { region: 'us-east-1', accountId: '000000000000' }

test.each([
  ['tyres', 'tyres', undefined, false],
  ['tyres:$LATEST', 'tyres', '$LATEST', false],
  ['tyres:prod', 'tyres', 'prod', false],
  ['function:tyres', 'tyres', undefined, false],
  ['000000000000:function:tyres:7', 'tyres', '7', false],
  ['us-east-1:000000000000:function:tyres', 'tyres', undefined, false],
  ['arn:aws:lambda:us-east-1:000000000000:function:tyres', 'tyres', undefined, true],
  ['arn:aws:lambda:us-east-1:000000000000:function:tyres:prod', 'tyres', 'prod', true],
])('%s names %s', (text, name, qualifier, fullArn) => {
  expect(resolveFunctionName(account, text)).toEqual({ name, qualifier, fullArn })
})

test.each(['', 'a b', 'a:b:c:d', 'arn:aws:sqs:us-east-1:000000000000:q', 'ä', 'a\n'])(
  '%j names no function',
  (text) => {
    expect(resolveFunctionName(account, text)).toMatchObject({ code: 'ValidationException' })
  },
)

test('a name to create may be an ARN of this account, without a qualifier', () => {
  const arn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'
  expect(newFunctionName(account, arn)).toBe('tyres')
  expect(newFunctionName(account, `${arn}:prod`)).toBeInstanceOf(LambdaApiError)
  expect(newFunctionName(account, arn + 'n'.repeat(64))).toBeInstanceOf(LambdaApiError)
  expect(newFunctionName(account, undefined)).toMatchObject({
    code: 'ValidationException',
    message:
      "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: " +
      'Member must not be null',
  })
})

test('no violation is no error, and a pattern must match all of a value', () => {
  const violations = new Violations()
  violations.pattern('a', 'ab', 'a|ab')
  violations.range('b', 5, [5, 5])
  violations.length('c', [], [0, 0])
  expect(violations.error()).toBeUndefined()
  violations.pattern('d', 'xab', 'a|ab')
  expect(violations.error()?.message).toContain("Value 'xab' at 'd'")
})

test.each([
  [undefined, true],
  [null, true],
  ['', true],
  [[], true],
  [{}, true],
  [{ a: { b: [], c: '' } }, true],
  [0, false],
  [false, false],
  [[null], false],
  [{ a: 1 }, false],
])('%j says nothing: %s', (value, expected) => {
  expect(saysNothing(value)).toBe(expected)
})

test('pages neither repeat nor lose an item when entries come and go between them', () => {
  const keys = ['a', 'b', 'c', 'd', 'e']
  const page = (all: string[], marker?: string) => {
    const result = pageOf(all, (key) => key, { marker, pageMax: 2 })
    if (result instanceof LambdaApiError) throw new Error(result.message)
    return result
  }
  const first = page(keys)
  expect(first.items).toEqual(['a', 'b'])
  const second = page(['a', 'aa', 'c', 'd', 'e'], first.nextMarker)
  expect(second.items).toEqual(['c', 'd'])
  expect(page(keys, second.nextMarker)).toEqual({ items: ['e'] })
})

test.each([
  ['create', 'enabled', 'Creating', 'Enabled'],
  ['create', 'disabled', 'Disabled', 'Disabled'],
  ['update', 'enabled', 'Updating', 'Enabled'],
  ['update', 'disabled', 'Updating', 'Disabled'],
  ['enable', 'enabled', 'Enabling', 'Enabled'],
  ['disable', 'disabled', 'Disabling', 'Disabled'],
] as const)('after %s (%s) a mapping is %s, then %s', (lastChange, desired, during, after) => {
  const record = mappingRecord({ lastChange, desired, revision: 3 })
  const status = { uuid: record.uuid, state: desired, lastProcessingResult: 'OK' } as const
  expect(changingState(record)).toBe(during)
  expect(mappingState(record, undefined)).toBe(during)
  expect(mappingState(record, { ...status, revision: 2 })).toBe(during)
  expect(mappingState(record, { ...status, revision: 3 })).toBe(after)
  const deleted = { ...record, desired: 'deleted', lastChange: 'delete' } as const
  expect(mappingState(deleted, { ...status, revision: 9 })).toBe('Deleting')
})
