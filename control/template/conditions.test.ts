// Tests Conditions: what they come to, what they keep out of a plan, and what is said of wrong ones.
import { expect, test } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'

/** Function Fn has the condition C, which is `condition`; it stands on line 7. */
function withCondition(condition: string, ...more: string[]): string {
  return [
    'Parameters:',
    '  Stage: { Type: String, Default: dev }',
    'Mappings:',
    '  Sizes: { dev: { memory: 128, zones: [a, b] }, prod: { memory: 1024 } }',
    'Conditions:',
    '  IsProd: !Equals [!Ref Stage, prod]',
    `  C: ${condition}`,
    'Resources:',
    '  Fn:',
    '    Type: AWS::Serverless::Function',
    '    Condition: C',
    '    Properties:',
    '      Runtime: nodejs24.x',
    '      Handler: a.b',
    '      CodeUri: .',
    '      MemorySize: !FindInMap [Sizes, !Ref Stage, memory]',
    '      Timeout: !If [IsProd, 60, !Ref AWS::NoValue]',
    ...more,
  ].join('\n')
}

test.each<[string, boolean, boolean]>([
  ['!Condition IsProd', false, true],
  ['{ Condition: IsProd }', false, true],
  ['!Not [!Condition IsProd]', true, false],
  ['!Not [{ Condition: IsProd }]', true, false],
  ['!And [!Condition IsProd, !Equals [a, a]]', false, true],
  ['!Or [!Condition IsProd, !Equals [a, a]]', true, true],
  ['{ Fn::Or: [{ Fn::Equals: [!Ref AWS::Region, x] }, { Condition: IsProd }] }', false, true],
  ['!Equals [!FindInMap [Sizes, !Ref Stage, memory], 1024]', false, true],
  ['!Equals [!Select [1, !Split ["-", !Sub "a-${Stage}"]], dev]', true, false],
])('the condition %s keeps its function in or out', (condition, inDev, inProd) => {
  for (const [stage, included] of [
    ['dev', inDev],
    ['prod', inProd],
  ] as const) {
    const { plan, warnings, errors } = loadText(withCondition(condition), { Stage: stage })
    expect({ warnings, errors }).toEqual({ warnings: [], errors: [] })
    expect(plan.functions.map(({ logicalId }) => logicalId)).toEqual(included ? ['Fn'] : [])
  }
})

test('Fn::If and Fn::FindInMap take the values of the stage', () => {
  const text = withCondition('!Equals [a, a]')
  const configurations = ['dev', 'prod'].map(
    (Stage) => loadText(text, { Stage }).plan.functions[0]?.configuration,
  )
  expect(configurations).toMatchObject([
    { MemorySize: 128, Timeout: 3 },
    { MemorySize: 1024, Timeout: 60 },
  ])
})

test.each<[string, string[]]>([
  ['!Condition Nowhere', ['7: the condition Nowhere is not declared']],
  ['!Condition C', ['7: the condition C refers to itself']],
  ['true', ['7: "true" is not a condition']],
  ['!Ref Stage', ['7: Ref is not a condition']],
  ['!Equals [a]', ['7: Fn::Equals: not a list of two texts']],
  ['!Equals [a, [b]]', ['7: Fn::Equals: not a list of two texts']],
  ['!Equals [!Ref Nowhere, b]', ['7: Nowhere is neither a parameter nor a resource']],
  ['!Not [a, b]', ['7: Fn::Not: not a list of one condition']],
  ['!And [!Condition IsProd]', ['7: Fn::And: not a list of two to ten conditions']],
  ['!Equals [!FindInMap [Sizes, test, memory], a]', ['7: Mappings.Sizes has no key "test"']],
  ['!Equals [!FindInMap [Sizes, dev, cpu], a]', ['7: Mappings.Sizes.dev has no value "cpu"']],
  ['!Equals [!FindInMap [Sizes, dev, zones], a]', ['7: Fn::Equals: not a list of two texts']],
  ['!Equals [!FindInMap [Nowhere, dev, cpu], a]', ['7: Nowhere is not one of the Mappings']],
])('the condition %s is wrong', (condition, errors) => {
  expect(loadText(withCondition(condition)).errors).toEqual(errors)
})

test('a reference to what its condition keeps out is an error, unless it is in a branch not taken', () => {
  const other = (description: string): string[] => [
    '  Other:',
    '    Type: AWS::Serverless::Function',
    '    Properties:',
    `      { Runtime: x, Handler: a.b, CodeUri: ., Description: ${description} }`,
  ]
  const text = (description: string): string =>
    withCondition('!Condition IsProd', ...other(description))
  expect(loadText(text('!GetAtt Fn.Arn')).errors).toEqual([
    '21: Fn is not there: its condition C is false',
  ])
  expect(loadText(text('!If [C, !Ref Fn, none]'))).toMatchObject({
    errors: [],
    plan: { functions: [{ logicalId: 'Other', configuration: { Description: 'none' } }] },
  })
})

test('a condition that is not declared is an error on the line of its use', () => {
  const text = withCondition('!Equals [a, a]').replace('Condition: C', 'Condition: D')
  expect(loadText(text).errors).toEqual(['11: the condition D is not declared'])
})
