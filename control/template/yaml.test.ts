// Tests the parser of templates: lines, tags, limits, and that no damaged text brings it down.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Findings } from './findings.ts'
import { loadTemplate } from './template.ts'
import type { Mapping, Tree } from './tree.ts'
import { parseTemplate } from './yaml.ts'

function parse(text: string): { root: Mapping | undefined; errors: string[] } {
  const findings = new Findings('t')
  const root = parseTemplate(text, findings)
  return { root, errors: findings.errors().map(({ line, message }) => `${line}: ${message}`) }
}

function value(text: string, key: string): Tree | undefined {
  return parse(text).root?.entries.get(key)?.value
}

test('a tag above its list has the line where it was written', () => {
  const tree = value('A:\n  !Join\n    - ","\n    - []\nB: 1', 'A')
  expect(tree).toMatchObject({ kind: 'call', name: 'Fn::Join', line: 2, argument: { line: 3 } })
})

test('a key keeps its own line where its value starts on another', () => {
  const { root } = parse('# comment\nA:\n\n  B: 1\n')
  expect(root?.entries.get('A')?.line).toBe(2)
  expect(root?.entries.get('A')?.value.line).toBe(4)
})

test('short and long forms become the same call', () => {
  expect(value('A: !GetAtt X.Arn', 'A')).toEqual(value('A: { Fn::GetAtt: X.Arn }', 'A'))
})

test('a quoted null is a text, a bare one is nothing', () => {
  expect(value('A: "null"', 'A')).toMatchObject({ kind: 'text', text: 'null' })
  expect(value('A: null', 'A')).toEqual({ kind: 'null', line: 1 })
  expect(value('X: 1\nA:\nB: 2', 'A')).toEqual({ kind: 'null', line: 2 })
})

test('an alias repeats what its anchor names', () => {
  expect(value('A: &a [1]\nB: *a', 'B')).toMatchObject({ kind: 'list', items: [{ text: '1' }] })
})

test.each([
  ['an alias inside its own anchor', 'A: &a [*a]'],
  ['many of them', 'A: &a [*a, *a, *a, *a, *a]'],
  ['a hundred levels', `A: ${'['.repeat(150)}${']'.repeat(150)}`],
  [
    'aliases of aliases',
    [
      'A: &a0 [x]',
      ...Array.from({ length: 12 }, (_, i) => `B${i}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
    ].join('\n'),
  ],
])('a tree without end is refused: %s', (_, text) => {
  expect(parse(text).errors).toEqual([
    expect.stringMatching(/: the template is nested too deeply, or repeats itself$/),
  ])
})

test('a template above the limit is refused unread', () => {
  expect(parse(`A: ${'x'.repeat(1_000_000)}`).errors).toEqual([
    '1: a template has at most 1000000 bytes',
  ])
})

test('a text of brackets alone is refused, not run out of stack on', () => {
  expect(parse('['.repeat(100_000)).root).toBeUndefined()
})

const example = readFileSync(
  new URL('../../examples/tyre-pressure/template.yaml', import.meta.url),
  'utf8',
)
const options = { file: 't.yaml', parameters: {}, region: 'us-east-1', accountId: '0' }

test('a template cut off anywhere gives findings with lines of its own, never an exception', () => {
  const lines = example.split('\n').length
  for (let length = 0; length < example.length; length += 3) {
    const { warnings, errors } = loadTemplate(example.slice(0, length), options)
    for (const { line } of [...warnings, ...errors]) {
      expect(line).toBeGreaterThanOrEqual(1)
      expect(line).toBeLessThanOrEqual(lines)
    }
  }
})

test('a template with one bit flipped gives findings or a plan, never an exception', () => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(performance.now() * 1000))
  console.log(`SEED=${seed}`)
  const bytes = Buffer.from(example)
  for (let i = 0; i < 400; i++) {
    const bit = (seed + i * 7919) % (bytes.length * 8)
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const { plan, errors } = loadTemplate(flipped.toString('utf8'), options)
    expect(errors.length > 0 || plan.functions.length <= 1).toBe(true)
  }
})
