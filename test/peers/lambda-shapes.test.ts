// Holds what the Lambda API refuses of functions against AWS's own constraints, as botocore's model has them.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startControlForTest } from '../support/control-harness.ts'
import { callsOf, keptOf, prepareFunction, restorerOf } from '../support/lambda-calls.ts'
import type { Input, Members, Operation } from '../support/lambda-operation.ts'
import { lambdaOperations } from '../support/lambda-operations.ts'
import { succeed } from './tool.ts'

const python = '.cache/peers/bin/python'

interface Shape {
  readonly type: string
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
  readonly enum?: readonly string[]
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, Shape>>
  readonly member?: Shape
  readonly key?: Shape
  readonly value?: Shape
}

/** What AWS would refuse, and where it is. */
interface Wrong {
  readonly path: readonly string[]
  readonly value: unknown
}

/** Where AWS's bounds are for kinds of functions that are not served: what is above ours is refused here. */
const lowered = new Set(['Timeout', 'MemorySize', 'Size'])

/** The function has as much provisioned, so that it cannot reserve none. */
const higher = new Set(['ReservedConcurrentExecutions'])

/** Of Lambda@Edge alone. */
const passedOver = new Set(['MasterRegion'])

function wrongTexts({ min = 0, max, pattern, enum: words }: Shape): readonly string[] {
  const regExp = new RegExp(`^(?:${pattern ?? '.*'})$`, pattern?.includes('\\p{') ? 'u' : '')
  const strange = [' ', 'a b', '*', 'é', '\u0001', '.', 'x'].filter(
    (text) => pattern !== undefined && !regExp.test(text),
  )
  return [
    ...strange,
    ...(min > 0 ? [''] : []),
    ...(max === undefined ? [] : ['x'.repeat(max + 1)]),
    ...(words === undefined ? [] : ['nonsense', (words[0] ?? '').toLowerCase() + 'X']),
  ]
}

function wrongValues(shape: Shape): readonly unknown[] {
  const { type, min, max, member, key, value } = shape
  if (type === 'string') return wrongTexts(shape)
  if (['integer', 'double', 'long'].includes(type)) {
    return [...(min === undefined ? [] : [min - 1]), ...(max === undefined ? [] : [max + 1])]
  }
  if (type === 'list' && member !== undefined) {
    const one = member.enum?.[0] ?? 'x'
    const sizes = [...(min === undefined ? [] : [min - 1]), ...(max === undefined ? [] : [max + 1])]
    const lists = sizes
      .filter((size) => size >= 0)
      .map((length) => Array.from({ length }, () => one))
    return [...lists, ...wrongValues(member).map((each) => [each])]
  }
  if (type === 'map' && key !== undefined && value !== undefined) {
    const [goodKey, goodValue] = value.type === 'double' ? ['1', 0.5] : ['aa', 'x']
    return [
      ...wrongValues(key).map((each) => ({ [String(each)]: goodValue })),
      ...wrongValues(value).map((each) => ({ [goodKey]: each })),
    ]
  }
  return []
}

/** `ours` are the members that are read; any other must be refused, so a value of any kind will do. */
function wrongsOf(shape: Shape, ours: Members, above: readonly string[] = []): readonly Wrong[] {
  const wrongs: Wrong[] = []
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const path = [...above, name]
    const kind = Object.hasOwn(ours, name) ? ours[name] : undefined
    if (kind === undefined) {
      if (!passedOver.has(name)) wrongs.push({ path, value: ['x'] })
    } else if (typeof kind !== 'string') wrongs.push(...wrongsOf(member, kind, path))
    else wrongs.push(...wrongValues(member).map((value) => ({ path, value })))
    if (kind !== undefined && shape.required?.includes(name)) wrongs.push({ path, value: null })
  }
  return wrongs
}

function changed(good: unknown, [name, ...rest]: readonly string[], value: unknown): Input {
  const base = (typeof good === 'object' ? good : {}) as Input
  if (name === undefined) return base
  return { ...base, [name]: rest.length === 0 ? value : changed(base[name], rest, value) }
}

const wireName = (path: readonly string[]): string =>
  path.map((name) => name.charAt(0).toLowerCase() + name.slice(1)).join('.')

/** Members outside of the body are texts; names of functions have their own test, and some texts cannot be sent. */
function membersOf({ path, query = {}, headers = {}, members = {} }: Operation): Members {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const elsewhere = [...inPath, ...Object.keys(query), ...Object.keys(headers)]
  return {
    ...members,
    ...Object.fromEntries(elsewhere.map((name) => [name, 'text' as const])),
    Payload: 'blob',
  }
}

function canBeSent(
  { path, headers = {} }: Operation,
  { path: [name = ''], value }: Wrong,
): boolean {
  if (name === 'FunctionName' && path.includes('{FunctionName}')) return false
  if (path.includes(`{${name}}`) && (value === '' || value === '.' || value === null)) return false
  if (Object.hasOwn(headers, name)) return typeof value === 'string' && /^[!-~]+$/.test(value)
  return true
}

async function start() {
  if (!existsSync(python)) throw new Error(`${python} is missing: run "make test-peers"`)
  const harness = await startControlForTest()
  await prepareFunction(harness)
  const operations = lambdaOperations(harness.dataDir)
  const script = ['test/peers/lambda-shapes.py', ...Object.keys(operations)]
  const shapes = JSON.parse((await succeed(python, script)).toString()) as Record<string, Shape>
  const before = keptOf(harness)
  const hasChanged = (): boolean => keptOf(harness) !== before
  return { operations, shapes, call: callsOf(harness), hasChanged, restore: restorerOf(harness) }
}

test('all that AWS constrains is refused by the name of its member, and nothing of its inputs is passed over', async () => {
  const { operations, shapes, call, hasChanged, restore } = await start()
  let tried = 0
  for (const [name, operation] of Object.entries(operations)) {
    const shape = shapes[name]
    if (shape === undefined) throw new Error(`botocore does not know ${name}`)
    for (const wrong of wrongsOf(shape, membersOf(operation))) {
      if (!canBeSent(operation, wrong)) continue
      tried += 1
      const { path, value } = wrong
      const isOutside =
        operation.members === undefined || !Object.hasOwn(operation.members, path[0] ?? '')
      const given = isOutside && value === null ? undefined : value
      const { status, message } = await call(
        operation,
        given === undefined
          ? without(operation.good, path[0])
          : changed(operation.good, path, value),
      )
      const of = `${name} ${path.join('.')} = ${JSON.stringify(value)?.slice(0, 100)}: ${status} ${message.slice(0, 200)}`
      expect.soft(status, of).toBe(400)
      expect
        .soft(message.includes(`'${wireName(path)}`) || message.includes(path.at(-1) ?? ''), of)
        .toBe(true)
      if (hasChanged()) await restore()
    }
  }
  expect(tried).toBeGreaterThan(400)
})

function without(input: Input, name = ''): Input {
  const { [name]: _, ...rest } = input
  return rest
}

test('the bounds themselves are taken', async () => {
  const { operations, shapes, call, hasChanged, restore } = await start()
  for (const [name, operation] of Object.entries(operations)) {
    for (const [path, { type, min, max }] of leavesOf(
      shapes[name] ?? { type: '' },
      membersOf(operation),
    )) {
      if (!['integer', 'double'].includes(type)) continue
      const last = path.at(-1) ?? ''
      for (const value of [
        higher.has(last) ? undefined : min,
        lowered.has(last) ? undefined : max,
      ]) {
        if (value === undefined) continue
        const input = changed(operation.good, path, value)
        const answer = await call(operation, input)
        expect.soft(answer.message, `${name} ${path.join('.')} = ${value}`).toBe('')
        if (hasChanged()) await restore()
      }
    }
  }
})

function leavesOf(
  shape: Shape,
  ours: Members,
  above: readonly string[] = [],
): readonly (readonly [readonly string[], Shape])[] {
  const leaves: (readonly [readonly string[], Shape])[] = []
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const kind = Object.hasOwn(ours, name) ? ours[name] : undefined
    if (typeof kind === 'string') leaves.push([[...above, name], member])
    else if (kind !== undefined) leaves.push(...leavesOf(member, kind, [...above, name]))
  }
  return leaves
}
