// Tests the payloads and log texts of everything that a handler may throw.
import { expect, test } from 'vitest'
import { errorForLog, errorPayload, RuntimeError } from './runtime-errors.ts'

test('an error has its name, message and stack', () => {
  const payload = errorPayload(new TypeError('no'))
  expect(payload).toMatchObject({ errorType: 'TypeError', errorMessage: 'no' })
  expect(payload.trace?.[0]).toBe('TypeError: no')
  expect(payload.trace?.[1]).toMatch(/^ {4}at /)
})

test.each([
  ['boom', { errorType: 'string', errorMessage: 'boom', trace: [] }],
  [42, { errorType: 'number', errorMessage: '42', trace: [] }],
  [undefined, { errorType: 'undefined', errorMessage: 'undefined', trace: [] }],
  [null, { errorType: 'object', errorMessage: 'null', trace: [] }],
  [{ a: 1 }, { errorType: 'object', errorMessage: '[object Object]', trace: [] }],
])('%j that is no error has its JavaScript type', (thrown, payload) => {
  expect(errorPayload(thrown)).toEqual(payload)
})

test('what looks like an error is taken for one', () => {
  const thrown = { name: 'Mine', message: 'm', stack: 'Mine: m\n    at x' }
  expect(errorPayload(thrown)).toEqual({
    errorType: 'Mine',
    errorMessage: 'm',
    trace: ['Mine: m', '    at x'],
  })
})

test('an error that cannot be read does not throw again', () => {
  const thrown = {
    toString() {
      throw new Error('again')
    },
  }
  expect(errorPayload(thrown).errorType).toBe('handled')
})

test("the runtime's errors are named as Lambda names them", () => {
  const error = new RuntimeError('ImportModuleError', new Error("Cannot find module 'x'"))
  expect(errorPayload(error)).toMatchObject({
    errorType: 'Runtime.ImportModuleError',
    errorMessage: "Error: Cannot find module 'x'",
  })
})

test("the log shows an error's own properties, even beside one that JSON cannot hold", () => {
  const coded = Object.assign(new Error('m'), { code: 'E_CODE' })
  expect(JSON.parse(errorForLog(coded))).toMatchObject({ errorType: 'Error', code: 'E_CODE' })
  const circular: Error & { self?: unknown } = new Error('m')
  circular.self = circular
  expect(JSON.parse(errorForLog(circular))).toMatchObject({ errorMessage: 'm' })
})
