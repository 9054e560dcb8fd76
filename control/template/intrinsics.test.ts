// Tests each intrinsic function in its short and its long form.
import { expect, test } from 'vitest'
import { Findings } from './findings.ts'
import { referencesOf, resolve, type Names } from './intrinsics.ts'
import type { Tree } from './tree.ts'
import { parseTemplate } from './yaml.ts'

function evaluate(yaml: string): unknown {
  const findings = new Findings('t')
  const names: Names = {
    findings,
    ref: (name, line) => {
      if (name === 'Nothing') return undefined
      if (name === 'List')
        return { kind: 'list', items: [textOf('p', line), textOf('q', line)], line }
      return textOf(`<${name}>`, line)
    },
    attribute: (logicalId, attribute, line) => textOf(`<${logicalId}|${attribute}>`, line),
    condition: (name) => name === 'Yes',
    inMap: (map, keys, line) => textOf(`<${map}|${keys.join('|')}>`, line),
    region: 'eu-west-1',
  }
  const root = parseTemplate(`\nX: ${yaml}`, findings)
  const value = root?.entries.get('X')?.value
  const resolved = value === undefined ? undefined : resolve(value, names)
  const errors = findings.errors().map(({ line, message }) => `${line}: ${message}`)
  return errors.length > 0 ? errors : plain(resolved)
}

function textOf(text: string, line: number): Tree {
  return { kind: 'text', text, line }
}

function plain(tree: Tree | undefined): unknown {
  if (tree === undefined || tree.kind === 'null') return null
  if (tree.kind === 'text') return tree.text
  if (tree.kind === 'list') return tree.items.map(plain)
  if (tree.kind !== 'mapping') return tree.kind
  return Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, plain(value)]))
}

test.each<[string, unknown]>([
  ['!Ref A', '<A>'],
  ['{ Ref: A }', '<A>'],
  ['{"Ref": "A"}', '<A>'],
  ['!GetAtt A.Arn', '<A|Arn>'],
  ['!GetAtt [A, Arn]', '<A|Arn>'],
  ['{ Fn::GetAtt: [A, Endpoint.Port] }', '<A|Endpoint.Port>'],
  ['!Sub "a ${A} b ${ B } ${C.Arn}"', 'a <A> b <B> <C|Arn>'],
  ['!Sub "${AWS::Region} ${!A} $A $"', '<AWS::Region> ${A} $A $'],
  ['!Sub ["${a}-${B}", { a: !Ref X }]', '<X>-<B>'],
  ['{ Fn::Sub: ["${a.b}", { a.b: c }] }', 'c'],
  ['!Sub |\n  one ${A}\n  two\n', 'one <A>\ntwo\n'],
  ['!Join ["-", [a, !Ref B, c]]', 'a-<B>-c'],
  ['!Join ["", !Ref List]', 'pq'],
  ['!Split [",", "a,b"]', ['a', 'b']],
  ['!Select [1, [a, b]]', 'b'],
  ['!Select [0, !Split [":", !Sub "${A}:x"]]', '<A>'],
  ['!If [Yes, !Ref A, !Ref B]', '<A>'],
  ['{ Fn::If: [No, a, !Ref B] }', '<B>'],
  ['[!If [No, a, !Ref Nothing], b]', ['b']],
  ['!FindInMap [M, !Ref A, k]', '<M|<A>|k>'],
  ['!Base64 héllo', 'aMOpbGxv'],
  ['!ImportValue net-vpc', 'net-vpc'],
  ['!GetAZs ""', ['eu-west-1a', 'eu-west-1b', 'eu-west-1c']],
  ['!Select [1, !GetAZs us-east-2]', 'us-east-2b'],
  ['{ a: !Ref Nothing, b: 1 }', { b: '1' }],
  ['[1, !Ref Nothing, 2]', ['1', '2']],
])('%s is %j', (yaml, value) => {
  expect(evaluate(yaml)).toEqual(value)
})

test.each<[string, string]>([
  ['!Ref [A]', '2: Ref: a list is not a name'],
  ['!GetAtt A', '2: Fn::GetAtt: "A" is not LogicalId.Attribute'],
  ['!Sub { a: b }', '2: Fn::Sub: neither a text nor a list of a text and a mapping'],
  ['!Sub ["${a}"]', '2: Fn::Sub: neither a text nor a list of a text and a mapping'],
  ['!Sub "${List}"', '2: Fn::Sub: ${List} is not a text'],
  ['!Sub "${Nothing}"', '2: Fn::Sub: ${Nothing} is not a text'],
  ['!Join [a, b]', '2: Fn::Join: not a delimiter and a list of texts'],
  ['!Join ["-", [a, [b]]]', '2: Fn::Join: an item is not a text'],
  ['!Select [2, [a, b]]', '2: Fn::Select: no item 2 in a list of 2'],
  ['!Select [x, [a]]', '2: Fn::Select: not an index and a list'],
  ['!If [Yes, a]', '2: Fn::If: not a condition and two values'],
  ['!If [[a], b, c]', '2: Fn::If: not a condition and two values'],
  ['!FindInMap [M, k]', '2: Fn::FindInMap: not the names of a mapping and of two keys'],
  [
    '!FindInMap [M, j, k, { DefaultValue: d }]',
    '2: Fn::FindInMap: a DefaultValue is not supported',
  ],
  ['!Base64 [a]', '2: Fn::Base64: not a text'],
  ['!Equals [a, b]', '2: Fn::Equals has its place in Conditions'],
  ['!Split [a]', '2: Fn::Split: not a delimiter and a text'],
  ['\n  - a\n  - !Nonsense\n    - b', '4: Fn::Nonsense is not an intrinsic function'],
  ['!<tag:x> a', '2: the tag tag:x is not known in templates'],
])('%s is refused: %s', (yaml, error) => {
  expect(evaluate(yaml)).toEqual([error])
})

test('references are found at any depth, without the variables of a Sub', () => {
  const root = parseTemplate(
    'A: !Ref One\nB:\n  - c: !Sub ["${own} ${Two.Arn}", { own: !GetAtt Three.Arn }]\n    d: 1\n',
    new Findings('t'),
  )
  expect(root === undefined ? [] : referencesOf(root)).toEqual([
    { name: 'One', line: 1 },
    { name: 'Two', line: 3 },
    { name: 'Three', line: 3 },
  ])
})
