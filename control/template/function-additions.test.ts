// Tests versions, aliases and event configurations that stand in a template as resources of their own.
import { expect, test as base } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'
import { openTemplateStage, type TemplateStage } from '../../test/support/template-stage.ts'

const test = base.extend<{ stage: TemplateStage }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed.
  stage: async ({}, use) => {
    const stage = await openTemplateStage()
    await use(stage)
    await stage.close()
  },
})

const queue = 'arn:aws:sqs:us-east-1:000000000000:given-up'

/** A function of CloudFormation's, and what is added to it; the first of `lines` is line 8. */
function withResources(memorySize: number, ...lines: string[]): string {
  return [
    'Resources:',
    '  Fn:',
    '    Type: AWS::Lambda::Function',
    '    Properties:',
    `      { Runtime: nodejs24.x, Handler: index.handler, MemorySize: ${memorySize}, Role: any,`,
    '        Code: { ZipFile: "exports.handler = async () => 1" } }',
    '',
    ...lines.map((line) => `  ${line}`),
  ].join('\n')
}

const resource = (name: string, type: string, properties: string) =>
  `${name}: { Type: AWS::Lambda::${type}, Properties: { ${properties} } }`

const added = [
  resource(
    'Live',
    'Alias',
    'FunctionName: !Ref Fn, FunctionVersion: !GetAtt V.Version, Name: live',
  ),
  resource('V', 'Version', 'FunctionName: !Ref Fn, Description: first'),
  resource(
    'Events',
    'EventInvokeConfig',
    `FunctionName: !Ref Fn, Qualifier: live, MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination: "${queue}" } }`,
  ),
  resource(
    'May',
    'Permission',
    'FunctionName: !Ref Live, Action: "lambda:InvokeFunction", Principal: events.amazonaws.com',
  ),
]

test('a version, the alias on it and its event configuration are brought about, and follow changes', async ({
  stage,
}) => {
  expect((await stage.deploy(withResources(128, ...added))).warnings).toEqual([])
  expect(stage.registry.function('Fn')).toMatchObject({
    aliases: [{ name: 'live', functionVersion: '1' }],
    eventInvokeConfigs: { live: { maximumRetryAttempts: 0, onFailure: queue } },
  })
  expect(stage.registry.version('Fn', '1')).toMatchObject({ memorySizeMb: 128 })
  const again = await stage.deploy(withResources(128, ...added))
  expect(again.items.map(({ action }) => action)).toEqual(['unchanged'])
  await stage.deploy(withResources(256, ...added))
  expect(stage.registry.function('Fn')).toMatchObject({
    aliases: [{ name: 'live', functionVersion: '2' }],
  })
})

test('a version without an alias is published once for each change', async ({ stage }) => {
  const version = resource('V', 'Version', 'FunctionName: !GetAtt Fn.Arn')
  const first = await stage.deploy(withResources(128, version))
  expect(first.items.map(({ action }) => action)).toEqual(['created'])
  const again = await stage.deploy(withResources(128, version))
  expect(again.items.map(({ action }) => action)).toEqual(['unchanged'])
  expect(stage.registry.versions().map((each) => each.version)).toEqual(['1'])
})

test('an event source may name the alias', () => {
  const { plan, errors } = loadText(
    withResources(
      128,
      ...added.slice(0, 2),
      resource(
        'Map',
        'EventSourceMapping',
        'FunctionName: !Ref Live, Topics: [t], SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: ["a:1"] } }',
      ),
    ),
  )
  expect(errors).toEqual([])
  expect(plan.mappings[0]?.input.FunctionName).toMatch(/:function:Fn:live$/)
})

test('what cannot be added is named with its line', () => {
  const { plan, warnings, errors } = loadText(
    withResources(
      128,
      resource('A', 'Alias', 'FunctionName: !Ref Fn, FunctionVersion: "3", Name: a'),
      resource('V', 'Version', 'FunctionName: other'),
      resource(
        'E',
        'EventInvokeConfig',
        'FunctionName: !Ref Fn, Qualifier: a, MaximumRetryAttempts: 0',
      ),
      resource('W', 'Version', 'FunctionName: !Ref Fn'),
      resource('B', 'Alias', 'FunctionName: !Ref Fn, FunctionVersion: !GetAtt W.Version, Name: b'),
      resource('C', 'Alias', 'FunctionName: !Ref Fn, FunctionVersion: !GetAtt W.Version, Name: c'),
    ),
  )
  expect({ warnings, errors }).toEqual({
    warnings: [
      '8: AWS::Lambda::Alias A: FunctionVersion 3 is no AWS::Lambda::Version of the function: it is left out',
      '9: AWS::Lambda::Version V: other is no function of this template: it is left out',
      '10: AWS::Lambda::EventInvokeConfig E: Qualifier a is not b: it is left out',
      '13: AWS::Lambda::Alias C: the function has the alias b: it is left out',
    ],
    errors: [],
  })
  expect(plan.functions[0]).toMatchObject({ publishes: true, alias: { name: 'b' } })
  expect(
    loadText(
      withResources(
        128,
        resource('A', 'Alias', 'FunctionName: Fn, FunctionVersion: "1", Name: "7"'),
      ),
    ).errors,
  ).toEqual(['8: AWS::Lambda::Alias A: "7" is not an alias\'s name'])
})
