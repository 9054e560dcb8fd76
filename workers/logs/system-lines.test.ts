// Tests Lambda's own lines in a function's log, letter for letter, as text and as JSON.
import { expect, test } from 'vitest'
import { systemLines, textLines, type Report } from './system-lines.ts'

const environment = {
  functionName: 'f',
  functionVersion: '3',
  runtimeVersion: 'nodejs:22.v1',
  runtimeVersionArn: 'arn:aws:lambda:us-east-1::runtime:00',
  instanceId: '2026/10/08/[3]00',
  instanceMaxMemory: 268_435_456,
}
const report: Report = {
  durationMs: 3.014,
  memorySizeMb: 128,
  memoryUsedMb: 36,
  initMs: 110.1,
}
const crash = { status: 'error', errorType: 'Runtime.ExitError' } as const
const failedInit = { durationMs: 12.3456, phase: 'init', ...crash } as const

test('as text', () => {
  expect(textLines.initStart(environment)).toBe(
    'INIT_START Runtime Version: nodejs:22.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:00',
  )
  expect(textLines.initFailed(failedInit)).toBe(
    'INIT_REPORT Init Duration: 12.35 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError',
  )
  expect(textLines.start('id', '3')).toBe('START RequestId: id Version: 3')
  expect(textLines.end('id', report)).toBe('END RequestId: id')
  expect(textLines.report('id', report)).toBe(
    'REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t',
  )
  const timedOut = { ...report, initMs: undefined, crash: { status: 'timeout' } } as const
  expect(textLines.report('id', timedOut)).toMatch(
    /\tBilled Duration: 4 ms\t.*\tMax Memory Used: 36 MB\tStatus: timeout\t$/,
  )
})

test("as JSON each is an event of Lambda's Telemetry API", () => {
  const lines = systemLines({ format: 'JSON', systemLevel: 'DEBUG' }, () => 0)
  const record = (line: string | undefined) => JSON.parse(line ?? 'null') as unknown
  const time = '1970-01-01T00:00:00.000Z'
  expect(record(lines.initStart(environment))).toEqual({
    time,
    type: 'platform.initStart',
    record: { initializationType: 'on-demand', phase: 'init', ...environment },
  })
  expect(record(lines.initFailed(failedInit))).toEqual({
    time,
    type: 'platform.initReport',
    record: {
      initializationType: 'on-demand',
      phase: 'init',
      ...crash,
      metrics: { durationMs: 12.346 },
    },
  })
  expect(record(lines.start('id', '3'))).toEqual({
    time,
    type: 'platform.start',
    record: { requestId: 'id', version: '3' },
  })
  expect(record(lines.end('id', report))).toEqual({
    time,
    type: 'platform.runtimeDone',
    record: { requestId: 'id', status: 'success', metrics: { durationMs: 3.014 } },
  })
  expect(record(lines.report('id', report))).toEqual({
    time,
    type: 'platform.report',
    record: {
      requestId: 'id',
      metrics: {
        durationMs: 3.014,
        billedDurationMs: 114,
        memorySizeMB: 128,
        maxMemoryUsedMB: 36,
        initDurationMs: 110.1,
      },
      status: 'success',
    },
  })
})

test.each([
  ['DEBUG', ['initStart', 'start', 'end', 'report']],
  ['INFO', ['initStart', 'start', 'report']],
  ['WARN', []],
])('at the system level %s the log of a good invocation has %j', (systemLevel, expected) => {
  const lines = systemLines({ format: 'JSON', systemLevel }, () => 0)
  const written = {
    initStart: lines.initStart(environment),
    start: lines.start('id', '1'),
    end: lines.end('id', report),
    report: lines.report('id', report),
  }
  const said = Object.entries(written).filter(([, line]) => line !== undefined)
  expect(said.map(([name]) => name)).toEqual(expected)
})

test('what failed is said at every level', () => {
  const lines = systemLines({ format: 'JSON', systemLevel: 'WARN' }, () => 0)
  const failed = { ...report, crash }
  expect(lines.initFailed(failedInit)).toContain('platform.initReport')
  expect(lines.end('id', failed)).toContain('"status":"error"')
  expect(lines.report('id', failed)).toContain('"errorType":"Runtime.ExitError"')
  expect(lines.dropped({ events: 3, bytes: 100 })).toContain('"droppedRecords":3')
})
