// Tests that no operation on functions breaks, half acts or stays silent, whatever a member holds.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startControlForTest, type ControlHarness } from '../test/support/control-harness.ts'
import {
  callsOf,
  keptOf,
  prepareFunction,
  restorerOf,
  type Answer,
} from '../test/support/lambda-calls.ts'
import type { Input, Members, Operation } from '../test/support/lambda-operation.ts'
import { lambdaOperations } from '../test/support/lambda-operations.ts'
import { randomFrom, seed } from '../test/support/seeded-random.ts'

const names = Object.keys(lambdaOperations(''))
const withBody = names.filter((name) => lambdaOperations('')[name]?.members !== undefined)

/** One for all tests: each leaves it as it was. */
let harness: ControlHarness
const ends: (() => Promise<void>)[] = []

beforeAll(async () => {
  harness = await startControlForTest({ atEnd: (end) => ends.push(end) })
  await prepareFunction(harness)
})
afterAll(async () => {
  for (const end of ends) await end()
})

function start(name: string) {
  const operation = lambdaOperations(harness.dataDir)[name]
  if (operation === undefined) throw new Error(`There is no ${name}`)
  const restore = restorerOf(harness)
  const before = keptOf(harness)
  const call = callsOf(harness)
  /** A refusal has changed nothing; what was taken is put back. */
  const send = async (input: Input, body?: string | Uint8Array<ArrayBuffer>): Promise<Answer> => {
    const answer = await call(operation, input, body)
    if (answer.status >= 400) expect(keptOf(harness), `after ${answer.message}`).toBe(before)
    else if (keptOf(harness) !== before) await restore()
    return answer
  }
  return { operation, send }
}

/** Values of JSON that are of no type that a member of the kind may have. */
const wrongTypes: Readonly<Record<string, readonly unknown[]>> = {
  text: [1, 1.5, true, [], ['x'], {}, { x: 1 }],
  whole: ['1', '', 1.5, 1e30, true, [], [1], {}],
  flag: ['true', '', 1, 0, [], [true], {}],
  blob: [1, true, [], ['x'], {}, '*', 'a b='],
  list: ['x', '', 1, true, {}, [1], [null], [['x']], [{}]],
  map: ['x', 1, true, [], ['x'], { a: 1 }, { a: null }, { a: {} }, { __proto: [] }],
  weights: ['x', 1, true, [], [1], { 2: '1' }, { 2: null }, { 2: [] }, { 2: {} }],
  structure: ['x', '', 1, false, [], [{}]],
}

interface Place {
  readonly path: readonly string[]
  readonly kind: string
}

function placesOf(members: Members, above: readonly string[] = []): readonly Place[] {
  const places: Place[] = []
  for (const [name, kind] of Object.entries(members)) {
    const path = [...above, name]
    places.push({ path, kind: typeof kind === 'string' ? kind : 'structure' })
    if (typeof kind !== 'string') places.push(...placesOf(kind, path))
  }
  return places
}

/** The operation's good input, but for one member. */
function changed(good: unknown, [name, ...rest]: readonly string[], value: unknown): Input {
  const base = (typeof good === 'object' ? good : {}) as Input
  if (name === undefined) return base
  return { ...base, [name]: rest.length === 0 ? value : changed(base[name], rest, value) }
}

const wireName = (path: readonly string[]): string =>
  path.map((name) => name.charAt(0).toLowerCase() + name.slice(1)).join('.')

test.each(withBody)(
  '%s says of each member that it is of the wrong type, and changes nothing',
  async (name) => {
    const { operation, send } = start(name)
    for (const { path, kind } of placesOf(operation.members ?? {})) {
      for (const value of wrongTypes[kind] ?? []) {
        const { status, code, message } = await send(changed(operation.good, path, value))
        const of = `${wireName(path)} = ${JSON.stringify(value)}: ${message}`
        expect([status, code], of).toEqual([400, 'SerializationException'])
        expect(message, of).toContain(`'${wireName(path)}`)
      }
      // Null is absence: taken, or refused for what is missing.
      const { status, code, message } = await send(changed(operation.good, path, null))
      if (status >= 400) expect([status, message], code).toEqual([400, missing(path)])
    }
  },
)

function missing(path: readonly string[]): unknown {
  const name = path.at(-1) ?? ''
  return expect.stringMatching(
    new RegExp(
      `Value null at '${wireName(path)}' failed to satisfy constraint: Member must not be null|` +
        `${name}|You must specify at least one of`,
    ),
  )
}

test.each(withBody)(
  '%s refuses a body that is no JSON object, and passes over what it does not know',
  async (name) => {
    const { operation, send } = start(name)
    const bodies = [
      'x',
      '{',
      '{"a":}',
      '[]',
      '[{}]',
      '"x"',
      '1',
      'null',
      'true',
      '\u0000',
      '['.repeat(300),
    ]
    for (const body of [...bodies, new Uint8Array([0x22, 0xff, 0x22])]) {
      const { status, code, message } = await send(operation.good, body)
      expect([status, code], `${String(body)}: ${message}`).toEqual([400, 'SerializationException'])
      expect(message).not.toBe('')
    }
    const more = { Unknown: { deep: [1] }, constructor: 'x', toString: null, Z: [[]] }
    expect(await send({ ...operation.good, ...more })).toMatchObject({ message: '' })
  },
)

const strange = [
  '',
  ' ',
  'x'.repeat(129),
  'x'.repeat(20_000),
  '0',
  '-1',
  '1e3',
  '$LATEST',
  '$LATEST.PUBLISHED',
  '1',
  '7',
  'live',
  'none',
  '..',
  '../../etc',
  '/',
  '\\',
  '%00',
  '\u0000',
  'a\nb',
  '\u2028',
  'é',
  '\ud83d',
  '__proto__',
  'constructor',
  'null',
  '[]',
  '{}',
  '*',
  'arn:',
  'arn:aws:lambda:us-east-1:000000000000:function:',
  'arn:aws:sqs:us-east-1:000000000000:q',
  '<script>',
  "';--",
]
const numbers = [-1, 0, 1, 2, 3, 59, 60, 127, 129, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -0]

function randomValue(kind: string, below: (end: number) => number): unknown {
  const text = (): string => strange[below(strange.length)] ?? ''
  const number = (): number => numbers[below(numbers.length)] ?? 0
  switch (kind) {
    case 'whole':
      return number()
    case 'flag':
      return below(2) === 0
    case 'list':
      return Array.from({ length: below(4) }, text)
    case 'map':
      return Object.fromEntries(Array.from({ length: below(60) }, (_, i) => [text() + i, text()]))
    case 'weights':
      return Object.fromEntries(Array.from({ length: below(3) }, () => [text(), number() / 2]))
    case 'blob':
      return Buffer.from(text()).toString('base64')
    case 'structure':
      return {}
    default:
      return text() + (below(4) === 0 ? text() : '')
  }
}

test.each(names)(
  `%s takes or refuses strange values of the right type (SEED=${seed})`,
  async (name) => {
    const { operation, send } = start(name)
    const random = randomFrom(seed)
    const below = (end: number): number => Math.floor(random() * end)
    for (const { path, kind } of [...placesOf(operation.members ?? {}), ...elsewhere(operation)]) {
      for (let round = 0; round < 40; round++) {
        const value =
          kind === 'text' && round < strange.length ? strange[round] : randomValue(kind, below)
        if (!canBeSent(operation, path[0] ?? '', value)) continue
        const { status, code, message } = await send(changed(operation.good, path, value))
        const of = `${wireName(path)} = ${JSON.stringify(value)?.slice(0, 200)}: ${status} ${code} ${message}`
        if (status < 300) continue
        expect([400, 404, 409, 412, 413], of).toContain(status)
        expect(message, of).not.toBe('')
        if (code === 'ValidationException') expect(message, of).toContain(`'${wireName(path)}`)
      }
    }
  },
)

/** Members of the path, the query and the headers: all of them are texts there. */
function elsewhere({ path, query = {}, headers = {} }: Operation): readonly Place[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const all = [...inPath, ...Object.keys(query), ...Object.keys(headers)]
  return all.map((name) => ({ path: [name], kind: 'text' }))
}

/** Some texts are another path, no header, or more than HTTP takes there: none of those gets to an operation. */
function canBeSent({ path, query = {}, headers = {} }: Operation, name: string, value: unknown) {
  if (typeof value !== 'string') return true
  const isInPath = path.includes(`{${name}}`)
  if (!isInPath && !Object.hasOwn(query, name) && !Object.hasOwn(headers, name)) return true
  if (value.length > 5000 || !value.isWellFormed()) return false
  if (isInPath) return !['', '..'].includes(value)
  return !Object.hasOwn(headers, name) || /^[!-~]*$/.test(value)
}
