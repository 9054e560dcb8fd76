// Checks the code itself: who imports whom, how long files are, how they open, and that none is dead.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

/** Who may import whom. A folder absent from a row must never be imported by it. */
const layers: Record<string, readonly string[]> = {
  common: [],
  protocol: ['common'],
  'kinesis-wire': ['common'],
  'kinesis-client': ['common', 'kinesis-wire'],
  filter: ['common'],
  'function-logs': ['common'],
  'broker/log': ['common'],
  'broker/groups': ['common', 'protocol', 'broker/log'],
  'broker/transactions': ['common', 'protocol', 'broker/log'],
  'broker/auth': ['common'],
  'broker/api': [
    'common',
    'protocol',
    'broker/log',
    'broker/groups',
    'broker/transactions',
    'broker/auth',
  ],
  'broker/server': ['common', 'protocol', 'broker/auth', 'broker/api'],
  'broker/kinesis/streams': ['common', 'kinesis-wire', 'broker/log'],
  'broker/kinesis/api': [
    'common',
    'protocol',
    'kinesis-wire',
    'broker/log',
    'broker/kinesis/streams',
  ],
  'broker/kinesis/server': [
    'common',
    'kinesis-wire',
    'broker/server',
    'broker/kinesis/api',
    'broker/kinesis/streams',
  ],
  broker: [
    'common',
    'protocol',
    'broker/log',
    'broker/groups',
    'broker/transactions',
    'broker/auth',
    'broker/api',
    'broker/server',
    'broker/kinesis/streams',
    'broker/kinesis/api',
    'broker/kinesis/server',
  ],
  'control/registry': ['common'],
  destinations: ['common'],
  'control/async': ['common', 'destinations', 'control/registry'],
  'control/lambda': ['common', 'filter', 'destinations', 'control/registry', 'control/async'],
  'control/template': ['common', 'kinesis-client', 'control/lambda', 'control/registry'],
  'control/json': ['common', 'control/lambda'],
  'control/kinesis': ['common', 'control/lambda'],
  'control/ingest': ['common', 'kinesis-client', 'control/lambda'],
  'control/layers': ['common', 'control/lambda', 'control/registry'],
  'control/msk': ['common', 'control/lambda'],
  'control/query': ['common', 'control/lambda'],
  'control/iam': ['common', 'control/registry', 'control/lambda', 'control/query'],
  'control/logs': ['common', 'function-logs', 'control/lambda', 'control/json'],
  control: [
    'common',
    'function-logs',
    'destinations',
    'control/registry',
    'control/async',
    'control/lambda',
    'control/layers',
    'control/json',
    'control/kinesis',
    'control/ingest',
    'control/logs',
    'control/msk',
    'control/query',
    'control/iam',
    'control/template',
  ],
  'kafka-consumer': ['common', 'protocol'],
  events: ['common'],
  poller: [
    'common',
    'protocol',
    'kafka-consumer',
    'kinesis-client',
    'kinesis-wire',
    'filter',
    'events',
    'function-logs',
    'destinations',
    'control/registry',
  ],
  workers: ['common', 'function-logs', 'events', 'control/registry'],
  producer: ['common', 'kinesis-client'],
  simulator: ['common', 'events', 'filter', 'poller', 'workers'],
  demo: ['common'],
  dashboards: [],
  docs: [
    'common',
    'protocol',
    'function-logs',
    'broker',
    'control',
    'control/async',
    'poller',
    'workers',
  ],
}
/** `folder/file` pairs that cross a layer by design: the file alone, not its folder. */
const exceptions: Record<string, readonly string[]> = {
  'broker/log': ['protocol/record-batch.ts'],
  // A batch's records are walked in one way.
  'broker/kinesis/api': ['kafka-consumer/fetched-batches.ts', 'kafka-consumer/fetched-record.ts'],
  // Who may connect is one rule for all doors.
  'broker/kinesis/server': ['broker/server/admission.ts'],
  // Only the interface of the registry is shared; its implementations are control's.
  poller: ['control/registry/registry.ts', 'control/registry/function-logging.ts'],
  // The decisions alone, none of what carries them out.
  simulator: [
    'poller/batch.ts',
    'poller/batcher.ts',
    'poller/event-poller-units.ts',
    'poller/event.ts',
    'poller/groups.ts',
    'poller/lane.ts',
    'poller/mapping-counters.ts',
    'poller/mapping.ts',
    'poller/retry-policy.ts',
    'poller/scaling-pace.ts',
    'poller/sources/source.ts',
    'workers/aws-pace.ts',
  ],
  workers: [
    'control/registry/registry.ts',
    'control/registry/function-version.ts',
    'control/registry/live-copies.ts',
    'control/registry/provisioned.ts',
    'control/registry/function-logging.ts',
  ],
}
const linesMax = 350
/** Programs and threads: what starts them is not an import. */
const entries = new Set([
  'main.ts',
  'broker/thread.ts',
  'control/lambda/unpacking-thread.ts',
  'workers/thread.ts',
  'workers/cpu/trial-thread.ts',
  'demo/main.ts',
  'docs/generate.ts',
  'dashboards/build.ts',
  'dashboards/render.ts',
  'vitest.config.ts',
])

const all = globSync('**/*.ts', { exclude: (name) => /node_modules|millrace-data/.test(name) })
const sources = all.filter(
  (file) => !file.endsWith('.test.ts') && !/^(test|bench|examples)\//.test(file),
)
const folders = Object.keys(layers).sort((a, b) => b.length - a.length)
const layerOf = (path: string): string => folders.find((l) => path.startsWith(`${l}/`)) ?? ''
const text = new Map(all.map((file) => [file, readFileSync(file, 'utf8')]))
const importsOf = (file: string): string[] =>
  [...(text.get(file) ?? '').matchAll(/(?:from|import\(|import|new URL\()\s*'(\.[^']+)'/g)].map(
    (m) => join(dirname(file), m[1] ?? ''),
  )

function mayImport(file: string, target: string): boolean {
  const [from, to] = [layerOf(file), layerOf(target)]
  if (from === to || from === '') return true
  if (exceptions[from]?.some((path) => layerOf(path) === to) === true) {
    return exceptions[from].includes(target)
  }
  return layers[from]?.includes(to) === true
}

function wrappers(name: string): string[] {
  const importing = new RegExp(`(?:from|import\\()\\s*'${name}[/']`)
  return sources.filter((file) => importing.test(text.get(file) ?? '')).toSorted()
}

test('imports follow the layers', () => {
  const untidy = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => !mayImport(file, target))
      .map((target) => `${file} imports ${target}`),
  )
  expect(untidy).toEqual([])
})

test('every folder with code has its row in the table of layers', () => {
  expect(sources.filter((file) => file.includes('/') && layerOf(file) === '')).toEqual([])
})

test('no file is longer than the limit', () => {
  const long = sources.filter((file) => (text.get(file) ?? '').split('\n').length > linesMax + 1)
  expect(long).toEqual([])
})

test('every file opens with a sentence that says what it is for', () => {
  const opening = /^(?:#!.*\n)?\/\/ [A-Z].*\.\n/
  expect(all.filter((file) => !opening.test(text.get(file) ?? ''))).toEqual([])
})

test('no file is dead', () => {
  const imported = new Set(sources.flatMap(importsOf))
  expect(sources.filter((file) => !imported.has(file) && !entries.has(file))).toEqual([])
})

test('only main.ts reads the environment of the process', () => {
  const readers = sources.filter((file) => /process\.env\b/.test(text.get(file) ?? ''))
  // A thread's own copy is what a handler sees; a demo and a generator are programs of their own.
  expect(readers.filter((file) => !entries.has(file))).toEqual([])
})

test('time comes from the clock', () => {
  const outside = sources.filter((file) =>
    /\bDate\.now\(|(?<!(?:ocket|session|request|call)\.)\bsetTimeout\(|\bsetInterval\(|\bMath\.random\(/.test(
      text.get(file) ?? '',
    ),
  )
  expect(outside.filter((file) => file !== 'common/clock.ts' && !entries.has(file))).toEqual([])
})

test('each named dependency is wrapped in one file', () => {
  expect(wrappers('prom-client')).toEqual(['common/telemetry.ts'])
  expect(wrappers('piscina')).toEqual(['workers/thread-pool.ts'])
  expect(wrappers('yauzl')).toEqual(['control/lambda/zip.ts'])
  expect(wrappers('yaml')).toEqual(['control/template/yaml.ts'])
  expect(wrappers('@node-rs/crc32')).toEqual(['protocol/crc32c.ts'])
  expect(wrappers('snappy')).toEqual(['protocol/snappy-framing.ts'])
  expect(wrappers('lz4-napi')).toEqual(['protocol/lz4-frame.ts'])
  expect(wrappers('ioredis')).toEqual(['common/redis.ts'])
  expect(wrappers('@aws-sdk')).toEqual([
    'destinations/aws-client.ts',
    'destinations/aws-objects.ts',
    'destinations/aws-sender.ts',
    'kinesis-client/endpoint.ts',
  ])
  expect(wrappers('@grafana/faro-core')).toEqual(['workers/logs/faro.ts'])
  expect(wrappers('kafkajs')).toEqual(['common/kafka-client.ts'])
})

test('the image holds all that the program imports', () => {
  const named = readFileSync('.dockerignore', 'utf8').split('\n')
  const held = named.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))
  const reached = new Set(['main.ts'])
  for (const file of reached) for (const imported of importsOf(file)) reached.add(imported)
  expect(reached).toContain('workers/invoker.ts')
  expect([...reached].filter((file) => !held.some((each) => file.startsWith(each)))).toEqual([])
})
