// Tests the program as an operator meets it: start, stop, help, and what it says when it cannot start.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listen, closeServer } from '../../common/listen.ts'
import { run, startPlatform } from '../support/platform.ts'

let scratch: string
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
})
afterEach(() => rm(scratch, { recursive: true, force: true }))

const anyPorts = {
  MILLRACE_KAFKA_PORT: '0',
  MILLRACE_AWS_PORT: '0',
  MILLRACE_KINESIS_PORT: '0',
  MILLRACE_METRICS_PORT: '0',
  MILLRACE_WORKERS_PORT: '0',
}

test('SIGTERM stops the platform with exit code 0, and its lock is gone', async () => {
  const dataDir = join(scratch, 'data')
  const first = await startPlatform({ dataDir })
  expect(await first.stop()).toBe(0)
  const second = await startPlatform({ dataDir })
  expect(await second.stop()).toBe(0)
})

test('the doors answer: health and metrics of every role', async () => {
  const platform = await startPlatform()
  const health = await fetch(platform.metrics.replace('/metrics', '/health'))
  expect(health.status).toBe(200)
  const text = await (await fetch(platform.metrics)).text()
  for (const name of [
    'kafka_brokers 1',
    'millrace_workers_environments',
    'process_cpu_seconds_total',
  ]) {
    expect(text).toContain(name)
  }
  expect(await platform.stop()).toBe(0)
})

test('a port that is taken is one line and exit code 1', async () => {
  const server = createServer()
  const address = await listen(server, { door: 'test', host: '127.0.0.1', port: 0 })
  const port = address.split(':')[1] ?? ''
  const env = { ...anyPorts, MILLRACE_KAFKA_PORT: port }
  const result = await run(['all', '--data-dir', scratch], { env })
  await closeServer(server)
  expect(result.code).toBe(1)
  expect(result.stdout).toBe('')
  expect(result.stderr).toContain(`millrace: cannot open the kafka door on 127.0.0.1:${port}`)
})

test('securing the first door of all is refused, by flag and by variable, not passed over', async () => {
  const byFlag = ['all', '--data-dir', scratch, '--kafka-security', 'sasl_ssl']
  const byVariable = { ...anyPorts, MILLRACE_KAFKA_SECURITY: 'sasl_ssl' }
  for (const result of [
    await run(byFlag, { env: anyPorts }),
    await run(['all', '--data-dir', scratch], { env: byVariable }),
  ]) {
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain('--kafka-security: with all the first door is for its own use')
  }
})

test('a data directory in use is one line and exit code 1', async () => {
  const platform = await startPlatform({ dataDir: scratch })
  const result = await run(['all', '--data-dir', scratch], { env: anyPorts })
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/^millrace: data directory \S+ is in use by process \d+$/m)
  expect(await platform.stop()).toBe(0)
})

test('a data directory that cannot be written is one line and exit code 1', async () => {
  const file = join(scratch, 'a-file')
  await writeFile(file, '')
  const result = await run(['all', '--data-dir', file], { env: anyPorts })
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/^millrace: data directory \S+ is not writable: /m)
})

test('help lists roles and settings; a wrong word shows it and fails', async () => {
  expect(await run(['--help'])).toMatchObject({ code: 0, stderr: '' })
  const broker = await run(['broker', '--help'])
  expect(broker.stdout).toContain('--kafka-port')
  expect(broker.stdout).not.toContain('--spike')
  expect(await run(['brokr'])).toMatchObject({ code: 1, stdout: '' })
})

test('a wrong setting is one line and exit code 1', async () => {
  const result = await run(['all', '--flush', 'sometimes'])
  expect(result).toMatchObject({ code: 1, stdout: '' })
  expect(result.stderr).toBe(
    'millrace: --flush: "sometimes" is not one of commit, interval, never\n',
  )
})

test('what a command prints is whole, however much it is', async () => {
  const command = 'main.ts simulate --rate 10 --seconds 2000 --json'
  const args = ['-c', `"$0" ${command} | cat`, process.execPath]
  const { stdout } = await promisify(execFile)('sh', args)
  // More than the pipe holds.
  expect(stdout.length).toBeGreaterThan(65_536)
  expect(JSON.parse(stdout)).toHaveProperty('samples')
})
