// Tests whole runs of the producer under a manual clock, with a broker in memory.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, expect, test } from 'vitest'
import { parseConfig } from '../common/config.ts'
import { AppError } from '../common/errors.ts'
import { silentLogger } from '../common/logger.ts'
import { ManualClock } from '../test/support/manual-clock.ts'
import type { BatchTransport, SendOutcome } from './batch-transport.ts'
import { runProducer } from './producer.ts'
import type { SourceRecord } from './record-source.ts'

const directory = mkdtempSync(join(tmpdir(), 'producer-'))
afterAll(() => rmSync(directory, { recursive: true }))

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly records: readonly SourceRecord[]
  readonly closed: boolean
}

interface RunOptions {
  readonly stdin?: PassThrough
  readonly answer?: (clock: ManualClock) => Promise<SendOutcome>
  /** Called after every tick of the clock. */
  readonly onTick?: (tick: { nowMs: number; arrived: number; stop: () => void }) => void
  readonly isTTY?: boolean
  readonly maxMs?: number
}

const acknowledge = (): Promise<SendOutcome> => Promise.resolve({ kind: 'acknowledged' })

/** Runs the command line to its end, advancing the clock as long as it takes. */
async function produce(argv: readonly string[], options: RunOptions = {}): Promise<Run> {
  const clock = new ManualClock()
  const stopping = new AbortController()
  const records: SourceRecord[] = []
  let [stdout, stderr, closed, code] = ['', '', false, -1]
  const { answer = acknowledge } = options
  const transport: BatchTransport = {
    send: async (batch) => {
      const outcome = await answer(clock)
      if (outcome.kind === 'acknowledged') records.push(...batch)
      return outcome
    },
    close: () => {
      closed = true
      return Promise.resolve()
    },
  }
  const running = runProducer(parseConfig('producer', ['--topic', 't', ...argv], {}), {
    clock,
    logger: silentLogger,
    stdin: options.stdin ?? new PassThrough(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text), isTTY: options.isTTY },
    signal: stopping.signal,
    connect: () => Promise.resolve(transport),
  })
  const over = new AbortController()
  const end = running.then(
    (exit) => {
      code = exit
      over.abort()
    },
    () => over.abort(),
  )
  const startMs = clock.now()
  while (!over.signal.aborted) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(10)
    const [nowMs, arrived] = [clock.now() - startMs, records.length]
    options.onTick?.({ nowMs, arrived, stop: () => stopping.abort() })
    if (nowMs > (options.maxMs ?? 100_000)) throw new Error('the run never ended')
  }
  await end
  await running
  expect(clock.timers).toBe(0)
  return { code, stdout, stderr, records, closed }
}

const count = (run: Run): number => run.records.length

test('a run sends exactly what its rate and spike add up to', async () => {
  const run = await produce(['--rate', '300', '--spike', '900@1s:2s', '--seconds', '5'])
  expect(count(run)).toBe(300 * 3 + 900 * 2)
  expect(run).toMatchObject({ code: 0, closed: true })
  expect(run.stdout).toContain('acknowledged    2,700 records')
  expect(run.stdout).not.toContain('late')
})

test('records keep their order per key through a whole run', async () => {
  const run = await produce(['--rate', '1000', '--seconds', '2', '--keys', '10'])
  const sequences = Map.groupBy(run.records, ({ key }) => key)
  expect(sequences.size).toBe(10)
  for (const records of sequences.values()) {
    const numbers = records.map(
      ({ value }) => (JSON.parse(value.toString()) as { sequence: number }).sequence,
    )
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }
})

test('without a rate a file is sent as fast as it is acknowledged, and its end ends the run', async () => {
  const file = join(directory, 'flights.ndjson')
  const lines = Array.from({ length: 5000 }, (_, i) => `{"n":${i}}`)
  writeFileSync(file, lines.join('\n'))
  const run = await produce(['--file', file, '--key-field', 'n'])
  expect(run.code).toBe(0)
  expect(run.records.map(({ value }) => value.toString()).toSorted()).toEqual(lines.toSorted())
  expect(run.records.every(({ key, value }) => value.toString() === `{"n":${key}}`)).toBe(true)
})

test('a looped file goes on until the producer is stopped', async () => {
  const file = join(directory, 'short.ndjson')
  writeFileSync(file, 'a\nb\nc\n')
  const stopAt200 = ({ arrived, stop }: { arrived: number; stop: () => void }): void => {
    if (arrived >= 200) stop()
  }
  const options = { onTick: stopAt200, maxMs: Infinity }
  const run = await produce(['--file', file, '--rate', '100', '--loop'], options)
  const lines = run.records.map(({ value }) => value.toString())
  expect(lines.length).toBeGreaterThanOrEqual(200)
  expect(Map.groupBy(lines, (line) => line).size).toBe(3)
})

test('a rate holds for a file too', async () => {
  const stdin = new PassThrough()
  stdin.end('x\n'.repeat(1000))
  const run = await produce(['--file', '-', '--rate', '100'], { stdin })
  expect(count(run)).toBe(1000)
  expect(run.stdout).toMatch(/^duration +(9\.9|10\.0) s$/m)
})

test('at --max-rate the time ends the run', async () => {
  let sends = 0
  const answer = (clock: ManualClock): Promise<SendOutcome> =>
    new Promise((resolve) => {
      sends += 1
      clock.after(20, () => resolve({ kind: 'acknowledged' }))
    })
  const run = await produce(['--max-rate', '--seconds', '1', '--size', '1000'], { answer })
  expect(run.code).toBe(0)
  // Two requests of a megabyte on the way at any time, each answered after 20 ms.
  expect(count(run)).toBeGreaterThan(40_000)
  expect(count(run) / sends).toBeGreaterThan(400)
  expect(run.stdout).not.toContain('late')
})

test('the signal stops sending; what is in flight is waited for and reported', async () => {
  const answer = (clock: ManualClock): Promise<SendOutcome> =>
    new Promise((resolve) => clock.after(500, () => resolve({ kind: 'acknowledged' })))
  const run = await produce(['--rate', '100'], {
    answer,
    onTick: ({ nowMs, stop }) => nowMs === 2000 && stop(),
  })
  expect(run.code).toBe(0)
  expect(count(run)).toBeGreaterThanOrEqual(198)
  expect(count(run)).toBeLessThanOrEqual(200)
  expect(run.stdout).toContain(`sent            ${count(run)} records\n`)
})

test('what stays unacknowledged through the grace has failed: exit code 1', async () => {
  let answers = 0
  const answer = (): Promise<SendOutcome> =>
    answers++ < 5 ? acknowledge() : new Promise<SendOutcome>(() => {})
  const run = await produce(['--rate', '100', '--seconds', '1'], { answer })
  expect(run.code).toBe(1)
  expect(run.stdout).toMatch(/failed {10}\d+ records \(not acknowledged in time\)/)
})

test('a broker that is away for a while costs nothing but time', async () => {
  const answer = (clock: ManualClock): Promise<SendOutcome> => {
    const elapsedMs = clock.now() - 1_000_000
    const away = elapsedMs > 1000 && elapsedMs < 6000
    return away
      ? Promise.resolve({ kind: 'unavailable', reason: 'no broker answers' })
      : acknowledge()
  }
  const run = await produce(['--rate', '200', '--seconds', '8'], { answer })
  expect(run.code).toBe(0)
  expect(count(run)).toBe(1600)
  expect(run.stderr).toContain('trying again: no broker answers')
})

test('a broker too slow for the rate leaves records late, and the report says how many', async () => {
  const answer = (clock: ManualClock): Promise<SendOutcome> =>
    new Promise((resolve) => clock.after(1000, () => resolve({ kind: 'acknowledged' })))
  const run = await produce(['--rate', '100000', '--size', '200', '--seconds', '2'], { answer })
  expect(run.code).toBe(0)
  const late = Number(/late\s+([\d,]+) records/.exec(run.stdout)?.[1]?.replaceAll(',', ''))
  expect(late + count(run)).toBe(200_000)
})

test('a line that is not JSON ends the run with its number, after what came before it', async () => {
  const file = join(directory, 'bad.ndjson')
  writeFileSync(file, '{"k":1}\n{"k":2}\noops\n{"k":4}\n')
  const run = await produce(['--file', file, '--key-field', 'k'])
  expect(run.code).toBe(1)
  expect(count(run)).toBe(2)
  expect(run.stderr).toMatch(/^millrace: .*bad\.ndjson: line 3 is not JSON: .*$/m)
  expect(run.stdout).toContain('acknowledged    2 records')
})

test('an empty file sends nothing: exit code 1', async () => {
  const file = join(directory, 'empty.ndjson')
  writeFileSync(file, '')
  expect(await produce(['--file', file])).toMatchObject({ code: 1, records: [] })
})

test('standard input that stays open ends with the signal, and with the time', async () => {
  const stdin = new PassThrough()
  stdin.write('a\nb\n')
  const stopped = await produce(['--file', '-'], {
    stdin,
    onTick: ({ nowMs, stop }) => nowMs === 500 && stop(),
  })
  expect(stopped).toMatchObject({ code: 0 })
  expect(count(stopped)).toBe(2)
  const silent = await produce(['--file', '-', '--seconds', '1'])
  expect(silent).toMatchObject({ code: 1, records: [] })
})

test('on a terminal the progress line stays in its place, elsewhere lines follow each other', async () => {
  const terminal = await produce(['--rate', '100', '--seconds', '3'], { isTTY: true })
  expect(terminal.stderr).not.toContain('\n')
  expect(terminal.stderr.split('\r\u001B[K').at(-1)).toBe('')
  expect(terminal.stderr).toContain('\r\u001B[K3 s  sent 299  acknowledged 299  failed 0  100/s')
  const plain = await produce(['--rate', '100', '--seconds', '5'])
  expect(plain.stderr).toMatch(/^2 s  sent 199 .*\n4 s  sent 399 .*\n$/)
})

test('the report can be JSON', async () => {
  const run = await produce(['--rate', '10', '--seconds', '1', '--report', 'json'])
  expect(JSON.parse(run.stdout)).toMatchObject({
    topic: 't',
    sent: 10,
    acknowledged: 10,
    failed: 0,
  })
})

test.each([
  [['--topic', ''], '--topic: is required: the topic to send to'],
  [['--topic', 'a b'], '--topic: "a b" is not a topic name'],
  [['--topic', 'a'.repeat(250)], '--topic: is longer than a topic name may be'],
  [['--rate', '10000001'], '--rate: 10000001 is more than 10000000'],
  [['--loop'], '--loop: needs --file'],
  [['--loop', '--file', '-'], '--loop: cannot start standard input again'],
  [['--key-field', 'a'], '--key-field: needs --file'],
  [['--spike', '1@1s:1s', '--max-rate'], '--spike: needs --rate, and no --max-rate'],
  [['--spike', '1@1s:1s', '--file', '-'], '--spike: needs --rate, and no --max-rate'],
  [['--spike', 'x'], '--spike: "x" is not RATE@START:LENGTH'],
  [['--size', '10'], '--size: 10 is not from 200 to'],
  [['--file', '/nonexistent'], '/nonexistent: no such file'],
])('%j is refused before anything is sent', async (argv, reason) => {
  const run = produce(argv)
  await expect(run).rejects.toBeInstanceOf(AppError)
  await expect(run).rejects.toThrow(reason)
})
