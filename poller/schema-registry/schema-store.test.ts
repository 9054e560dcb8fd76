// Tests that a schema is asked for once, kept within bounds, and asked for again while nobody answers.
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { silentLogger } from '../../common/logger.ts'
import {
  schemaMissingForMs,
  schemaRetryMs,
  schemasMax,
  schemasMaxBytes,
} from '../../common/schema-limits.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { RegisteredSchema } from './registry-client.ts'
import { SchemaStore } from './schema-store.ts'

const whole: RegisteredSchema = { wire: 'confluent', type: 'AVRO', text: '"int"', references: [] }

function storeOf(lookUp: (id: string) => Promise<RegisteredSchema | undefined>) {
  const clock = new ManualClock()
  const asked: string[] = []
  const problems: (string | undefined)[] = []
  let failures = 0
  const store = new SchemaStore({
    lookUp: (id) => {
      asked.push(id)
      return lookUp(id)
    },
    clock,
    logger: silentLogger,
    failed: () => {
      failures += 1
    },
    problem: (error) => problems.push(error?.message),
  })
  return { store, clock, asked, problems, failures: () => failures }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const down = (): AppError =>
  new AppError('SCHEMA_REGISTRY_UNREACHABLE', { url: 'http://registry', reason: 'down' })

test('a schema is asked for once, by however many at a time, and then known', async () => {
  const { store, asked } = storeOf(async () => whole)
  expect(store.known('7')).toBeUndefined()
  const [one, two] = await Promise.all([store.find('7'), store.find('7')])
  expect(one).toBe(two)
  expect(store.known('7')).toBe(one)
  expect(await store.find('7')).toBe(one)
  expect(asked).toEqual(['7'])
})

test('a registry that does not answer is asked again, later each time, until it does', async () => {
  let answers = false
  const { store, clock, asked, problems, failures } = storeOf(async () => {
    if (!answers) throw down()
    return whole
  })
  const found = store.find('7')
  await settle()
  clock.advance(schemaRetryMs - 1)
  await settle()
  expect(asked).toHaveLength(1)
  clock.advance(1)
  await settle()
  expect(asked).toHaveLength(2)
  clock.advance(2 * schemaRetryMs - 1)
  await settle()
  expect(asked).toHaveLength(2)
  answers = true
  clock.advance(1)
  expect(await found).toMatchObject({ type: 'AVRO' })
  const text = 'no schema registry answers at http://registry: down'
  expect(problems).toEqual([text, text, undefined])
  expect(failures()).toBe(2)
})

test('all is well only when no look-up is left that failed', async () => {
  const failing = new Set(['7', '8'])
  const { store, clock, problems } = storeOf(async (id) => {
    if (failing.has(id)) throw down()
    return whole
  })
  void store.find('7')
  void store.find('8')
  await settle()
  expect(await store.find('9')).toBeDefined()
  failing.delete('7')
  clock.advance(schemaRetryMs)
  await settle()
  expect(problems.at(-1)).toBeDefined()
  failing.delete('8')
  clock.advance(2 * schemaRetryMs)
  await settle()
  expect(problems.at(-1)).toBeUndefined()
})

test('a schema that is not there is asked for again after a while', async () => {
  let schema: RegisteredSchema | undefined
  const { store, clock, asked } = storeOf(async () => schema)
  expect(await store.find('7')).toBe('missing')
  expect(await store.find('7')).toBe('missing')
  expect(asked).toEqual(['7'])
  schema = whole
  clock.advance(schemaMissingForMs)
  expect(await store.find('7')).toMatchObject({ type: 'AVRO' })
})

test('a schema that cannot be used is kept, and says why of each record', async () => {
  const { store, asked } = storeOf(async () => ({ ...whole, text: '"Other"' }))
  const found = await store.find('7')
  expect(found).not.toBe('missing')
  const read = found === 'missing' ? undefined : found?.read(Buffer.alloc(1))
  expect(read).toEqual({ reason: 'its schema has no type Other' })
  await store.find('7')
  expect(asked).toEqual(['7'])
})

test('the schemas that were used longest ago go, by their number and by their size', async () => {
  const { store } = storeOf(async (id) => ({
    ...whole,
    text:
      Number(id) < 5000
        ? '"int"'
        : JSON.stringify({ type: 'int', doc: 'x'.repeat(schemasMaxBytes / 3) }),
  }))
  for (let id = 0; id <= schemasMax; id++) {
    store.known('0')
    await store.find(String(id))
  }
  expect(store.size.schemas).toBe(schemasMax)
  expect(store.known('0')).toBeDefined()
  expect(store.known('1')).toBeUndefined()
  for (const id of ['5001', '5002', '5003']) await store.find(id)
  expect(store.size).toMatchObject({ schemas: 2 })
  expect(store.size.sizeBytes).toBeLessThanOrEqual(schemasMaxBytes)
})

test('one that is stopped asks nobody any more', async () => {
  const { store, clock, asked } = storeOf(async () => {
    throw down()
  })
  const found = store.find('7')
  await settle()
  store.stop()
  expect(await found).toBeUndefined()
  clock.advance(1e6)
  await settle()
  expect(asked).toHaveLength(1)
  expect(clock.timers).toBe(0)
})
