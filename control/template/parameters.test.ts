// Tests where the values of Parameters come from, and what is said of wrong ones.
import { expect, test } from 'vitest'
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
