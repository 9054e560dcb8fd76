// Tests Lambda's lines around a handler's own, and that only the end is kept.
import { expect, test } from 'vitest'
import { createLogger, silentLogger, type LogLevel } from '../common/logger.ts'
import { textLines } from './logs/system-lines.ts'
import { InvocationLog } from './invocation-log.ts'

const report = { durationMs: 3.014, memorySizeMb: 128, memoryUsedMb: 36, initMs: 110.1 }
const logOf = (keepsTail: boolean, logger = silentLogger) =>
  new InvocationLog({ requestId: 'id', logger, keepsTail, lines: textLines, now: () => 0 })
const decoded = (log: InvocationLog) => Buffer.from(log.tail(), 'base64').toString()

test('the tail has START, the lines, END and REPORT', () => {
  const log = logOf(true)
  log.start('$LATEST')
  log.write('a line\n')
  log.end(report)
  expect(decoded(log).split('\n')).toEqual([
    'START RequestId: id Version: $LATEST',
    'a line',
    'END RequestId: id',
    'REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t',
    '',
  ])
})

test('a warm invocation reports no Init Duration', () => {
  const log = logOf(true)
  log.end({ ...report, initMs: undefined })
  expect(decoded(log)).toMatch(/Max Memory Used: 36 MB\t\n$/)
})

test('the tail is the last 4 KB in bytes, whatever was written', () => {
  const log = logOf(true)
  for (let i = 0; i < 1000; i++) log.write(`é${i}\n`)
  const tail = Buffer.from(log.tail(), 'base64')
  expect(tail.length).toBe(4096)
  expect(tail.toString().endsWith('é998\né999\n')).toBe(true)
})

test.each<[LogLevel, string[]]>([
  ['debug', ['START', 'hello', 'END', 'REPORT']],
  ['info', ['hello']],
  ['warn', []],
])("at level %s the platform's log shows %j", (level, shown) => {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const log = logOf(false, createLogger('f', { level, format: 'text', write }))
  log.start('$LATEST')
  log.write('hello\n')
  log.end(report)
  expect(lines.map((line) => /f: (\w+)/.exec(line)?.[1])).toEqual(shown)
})
