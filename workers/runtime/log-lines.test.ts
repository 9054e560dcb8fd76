// Tests a handler's lines as Lambda's Node runtime writes them, in both formats and at each level.
import { expect, test } from 'vitest'
import { logLines } from './log-lines.ts'

const requestId = () => 'id'
const text = logLines({ format: 'Text', level: undefined, requestId })
const json = logLines({ format: 'JSON', level: 'INFO', requestId })
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function parsed(line: string): Record<string, unknown> {
  expect(line.endsWith('\n')).toBe(true)
  expect(line.trimEnd()).not.toContain('\n')
  const { timestamp, ...rest } = JSON.parse(line) as Record<string, unknown>
  expect(timestamp).toMatch(time)
  return rest
}

test('text has time, request, level and message with tabs between, over any number of lines', () => {
  const [at, ...rest] = text.message('INFO', ['one %s\ntwo', 'x', { a: 1 }]).split('\t')
  expect(at).toMatch(time)
  expect(rest).toEqual(['id', 'INFO', 'one x\ntwo { a: 1 }\n'])
  expect(text.message('INFO', [])).toMatch(/\tINFO\tundefined\n$/)
})

test('outside of an invocation the request is undefined in text, and left out in JSON', () => {
  const options = { level: undefined, requestId: () => undefined }
  expect(logLines({ format: 'Text', ...options }).message('INFO', ['x'])).toMatch(
    /\tundefined\tINFO\tx\n$/,
  )
  const line = logLines({ format: 'JSON', ...options }).message('INFO', ['x'])
  expect(parsed(line)).toEqual({ level: 'INFO', message: 'x' })
})

test('an error of the runtime has its title in text, and is the message in JSON', () => {
  const error = new TypeError('no such thing')
  const [, , level, message = ''] = text.error('Invoke Error', error).split('\t')
  expect([level, message]).toEqual(['ERROR', 'Invoke Error '])
  const shown = text.error('Invoke Error', error).split('\t')[4] ?? ''
  expect(JSON.parse(shown)).toMatchObject({
    errorType: 'TypeError',
    errorMessage: 'no such thing',
    stack: (error.stack ?? '').split('\n'),
  })
  expect(parsed(json.error('Invoke Error', error))).toEqual({
    level: 'ERROR',
    requestId: 'id',
    message: {
      errorType: 'TypeError',
      errorMessage: 'no such thing',
      stackTrace: (error.stack ?? '').split('\n'),
    },
  })
})

test('in JSON an only argument keeps its structure, and several become a text with their error beside it', () => {
  expect(parsed(json.message('INFO', [{ a: [1, 'two'] }]))).toEqual({
    level: 'INFO',
    requestId: 'id',
    message: { a: [1, 'two'] },
  })
  const error = Object.assign(new RangeError('far'), { code: 'E' })
  expect(parsed(json.message('WARN', ['oh %s', 'no', error]))).toMatchObject({
    level: 'WARN',
    message: expect.stringMatching(/^oh no RangeError: far/) as unknown,
    errorType: 'RangeError',
    errorMessage: 'far',
    stackTrace: (error.stack ?? '').split('\n'),
  })
  expect(parsed(json.message('ERROR', [error]))).toMatchObject({
    message: { errorType: 'RangeError', code: 'E' },
  })
})

test('what JSON cannot hold is written as text', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  expect(parsed(json.message('INFO', [circular])).message).toMatch(/Circular/)
  expect(parsed(json.message('INFO', [10n])).message).toBe('10n')
})

test('lines below the level are not written; without one all are', () => {
  expect(['TRACE', 'DEBUG', 'INFO', 'FATAL'].map((each) => json.isWritten(each as 'INFO'))).toEqual(
    [false, false, true, true],
  )
  expect(text.isWritten('TRACE')).toBe(true)
})
