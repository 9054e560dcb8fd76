// Tests that retired runtimes are refused with Lambda's text, and no others.
import { expect, test } from 'vitest'
import { checkConfiguration, runtimes } from './function-rules.ts'
import { retiredText } from './retired-runtimes.ts'

test.each([
  ['nodejs', 'nodejs24.x'],
  ['nodejs14.x', 'nodejs24.x'],
  ['python3.8', 'python3.14'],
  ['go1.x', 'provided.al2023'],
  ['provided', 'provided.al2023'],
  ['dotnetcore3.1', 'dotnet10'],
  ['java8', 'java25'],
  ['ruby2.7', 'ruby3.4'],
])('%s is refused and %s recommended', (runtime, replacement) => {
  expect(checkConfiguration({ Runtime: runtime })).toMatchObject({
    code: 'InvalidParameterValueException',
    message:
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. ` +
      `We recommend you use the new runtime (${replacement}) while creating or updating functions.`,
  })
})

test('a runtime that can be had is not retired, and what never was is no member of the enumeration', () => {
  expect(runtimes.filter((runtime) => retiredText(runtime) !== undefined)).toEqual([])
  expect(checkConfiguration({ Runtime: 'cobol' })?.message).toContain(
    "Value cobol at 'runtime' failed to satisfy constraint",
  )
})
