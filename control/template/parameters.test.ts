// Tests where the values of Parameters come from, and what is said of wrong ones.
import { expect, test } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'
import { AppError } from '../../common/errors.ts'
import { parseParameterOverrides } from './parameters.ts'
import { loadTemplate } from './template.ts'

function describe(parameter: string, parameters: Record<string, string> = {}): unknown {
  const text = [
    'Parameters:',
    `  P: ${parameter}`,
    'Resources:',
    '  Fn:',
    '    Type: AWS::Serverless::Function',
    '    Properties: { Runtime: nodejs24.x, Handler: a.b, CodeUri: ., Description: !Ref P }',
  ].join('\n')
  const { plan, errors } = loadTemplate(text, {
    file: 't.yaml',
    parameters,
    region: 'us-east-1',
    accountId: '000000000000',
  })
  if (errors.length > 0) return errors.map(({ line, message }) => `${line}: ${message}`)
  return plan.functions[0]?.configuration.Description
}

test('an override wins over the Default', () => {
  expect(describe('{ Type: String, Default: a }')).toBe('a')
  expect(describe('{ Type: String, Default: a }', { P: 'b=c' })).toBe('b=c')
  expect(describe('{ Type: String, Default: "" }')).toBe('')
  expect(describe('{ Type: Number, Default: 7 }')).toBe('7')
})

test('a parameter without any value is an error', () => {
  expect(describe('{ Type: String }')).toEqual([
    '2: Parameters.P: there is no Default, and no value was given',
  ])
})

test('a value that its declaration does not allow is an error', () => {
  expect(describe('{ Type: Number, Default: x }')).toEqual(['2: Parameters.P: "x" is not a Number'])
  expect(describe('{ Type: String, Default: a, AllowedValues: [a, b] }', { P: 'c' })).toEqual([
    '2: Parameters.P: "c" is not one of a, b',
  ])
  expect(describe('{ Type: AWS::SSM::Parameter::Value<String>, Default: a }')).toEqual([
    '2: Parameters.P: "a" would be looked up in SSM, which is not supported',
  ])
})

test.each<[string, string, string]>([
  ['{ Type: Number, MinValue: 2, MaxValue: 4 }', '5', '"5" is above MaxValue 4'],
  ['{ Type: Number, MinValue: 2, MaxValue: 4 }', '-1', '"-1" is below MinValue 2'],
  ['{ Type: List<Number>, MaxValue: 4 }', '1, 5', '"1, 5" is above MaxValue 4'],
  ['{ Type: String, MinLength: 2 }', 'a', '"a" has a length that is below MinLength 2'],
  ['{ Type: String, MaxLength: 2 }', 'abc', '"abc" has a length that is above MaxLength 2'],
  ['{ Type: String, AllowedPattern: "[a-z]+" }', 'a1', '"a1" does not match [a-z]+'],
  ['{ Type: CommaDelimitedList, AllowedPattern: "[a-z]" }', 'a,1', '"a,1" does not match [a-z]'],
  [
    '{ Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: small letters }',
    'A',
    '"A" does not match [a-z]+ (small letters)',
  ],
  [
    '{ Type: String, NoEcho: true, MinLength: 9 }',
    's3cret',
    'the value has a length that is below MinLength 9',
  ],
])('a parameter %s is not %s', (parameter, value, problem) => {
  expect(describe(parameter, { P: value })).toEqual([`2: Parameters.P: ${problem}`])
})

test('a bound that is no number is an error', () => {
  expect(describe('{ Type: Number, Default: 1, MinValue: few }')).toEqual([
    '2: Parameters.P: MinValue: "few" is not a number',
  ])
})

test('a value within its bounds is taken', () => {
  const bounds = '{ Type: Number, Default: 3, MinValue: 3, MaxValue: 3, AllowedPattern: "\\\\d" }'
  expect(describe(bounds)).toBe('3')
})

test('what NoEcho hides is in no sentence', () => {
  const text =
    'Parameters:\n  P: { Type: String, NoEcho: true, Default: s3cret }\nResources:\n  Fn:\n' +
    '    Type: AWS::Serverless::Function\n' +
    '    Properties: { Runtime: x, Handler: a.b, CodeUri: ., Timeout: !Ref P }'
  expect(loadText(text).errors).toEqual([
    '6: AWS::Serverless::Function Fn: Timeout: the value is not a whole number from 1 to 900',
  ])
})

test('a list where a text belongs is an error on the line of its use', () => {
  expect(describe('{ Type: CommaDelimitedList, Default: "a,b" }')).toEqual([
    '6: AWS::Serverless::Function Fn: Description: a list is not a text',
  ])
})

test('a value for a parameter that is not declared is an error', () => {
  expect(describe('{ Type: String, Default: a }', { Q: 'x' })).toEqual([
    '1: the parameter Q was given and is not declared',
  ])
})

test('overrides are split at their first equals sign', () => {
  expect(parseParameterOverrides(['A=1', 'B=x=y', 'C='])).toEqual({ A: '1', B: 'x=y', C: '' })
  expect(() => parseParameterOverrides(['A'])).toThrow(AppError)
  expect(() => parseParameterOverrides(['A'])).toThrow('"A" is not Name=value')
})
