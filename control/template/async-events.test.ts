// Tests what templates say of logs and of events that are invoked asynchronously: plans, findings, deployments.
import { expect, test as base } from 'vitest'
import { loadText } from '../../test/support/load-template.ts'
import { openTemplateStage, type TemplateStage } from '../../test/support/template-stage.ts'
import { LambdaApiError } from '../lambda/api-errors.ts'

const test = base.extend<{ stage: TemplateStage }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed.
  stage: async ({}, use) => {
    const stage = await openTemplateStage()
    await use(stage)
    await stage.close()
  },
})

const queue = 'arn:aws:sqs:us-east-1:000000000000:given-up'
const topic = 'arn:aws:sns:us-east-1:000000000000:done'

/** A function of SAM's with more properties; the first of `lines` is line 8. */
function withProperties(...lines: string[]): string {
  return [
    'Resources:',
    '  Fn:',
    '    Type: AWS::Serverless::Function',
    '    Properties:',
    '      Runtime: nodejs24.x',
    '      Handler: index.handler',
    '      CodeUri: src',
    ...lines.map((line) => `      ${line}`),
  ].join('\n')
}

const all = withProperties(
  'LoggingConfig: { LogFormat: JSON, ApplicationLogLevel: WARN, LogGroup: shared }',
  `DeadLetterQueue: { Type: SQS, TargetArn: "${queue}" }`,
  'EphemeralStorage: { Size: 1024 }',
  'EventInvokeConfig:',
  '  MaximumEventAgeInSeconds: 120',
  '  MaximumRetryAttempts: 0',
  '  DestinationConfig:',
  `    OnSuccess: { Type: SNS, Destination: "${topic}" }`,
  '    OnFailure: { Type: S3, Destination: "arn:aws:s3:::failures" }',
)

test('logging, dead letters and event configuration reach the function, once', async ({
  stage,
}) => {
  expect((await stage.deploy(all)).warnings).toEqual([])
  const record = stage.registry.function('Fn')
  expect(record).toMatchObject({
    logging: { format: 'JSON', applicationLevel: 'WARN', systemLevel: 'INFO', group: 'shared' },
    deadLetterArn: queue,
    ephemeralStorageMb: 1024,
    eventInvokeConfigs: {
      $LATEST: {
        maximumEventAgeSeconds: 120,
        maximumRetryAttempts: 0,
        onSuccess: topic,
        onFailure: 'arn:aws:s3:::failures',
      },
    },
  })
  const again = await stage.deploy(all)
  expect(again.items.map(({ action }) => action)).toEqual(['unchanged'])
  expect(stage.registry.function('Fn')).toEqual(record)
})

test('what a template takes out is taken back', async ({ stage }) => {
  await stage.deploy(all)
  const report = await stage.deploy(withProperties())
  expect(report.items).toMatchObject([{ name: 'Fn', action: 'updated' }])
  const record = stage.registry.function('Fn')
  expect(record?.logging).toEqual({ format: 'Text', group: '/aws/lambda/Fn' })
  expect(record?.deadLetterArn).toBeUndefined()
  expect(record?.eventInvokeConfigs).toBeUndefined()
  const again = await stage.deploy(withProperties())
  expect(again.items).toMatchObject([{ name: 'Fn', action: 'unchanged' }])
})

test('the alias has the event configuration where there is one, and $LATEST has none', async ({
  stage,
}) => {
  const config = 'EventInvokeConfig: { MaximumRetryAttempts: 1 }'
  await stage.deploy(withProperties(config))
  await stage.deploy(withProperties(config, 'AutoPublishAlias: live'))
  const get = (qualifier: string) =>
    stage.functions.eventInvokeConfigs.get({ name: 'Fn', qualifier })
  expect(get('live')).toMatchObject({ config: { maximumRetryAttempts: 1 } })
  expect(get('$LATEST')).toBeInstanceOf(LambdaApiError)
})

test('functions of one template may be destinations of each other', async ({ stage }) => {
  const arn = (name: string) =>
    `EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: Lambda, Destination: !GetAtt ${name}.Arn } } }`
  const other = withProperties(`# of Other`)
    .replace('Resources:\n', '')
    .replace('  Fn:', '  Other:')
  await stage.deploy([withProperties(arn('Other')), other].join('\n'))
  expect(stage.registry.function('Fn')?.eventInvokeConfigs?.['$LATEST']?.onFailure).toBe(
    'arn:aws:lambda:us-east-1:000000000000:function:Other',
  )
})

test.each([
  [
    'DeadLetterQueue: { Type: SQS, TargetArn: "arn:aws:s3:::bucket" }',
    'target ARN arn:aws:s3:::bucket',
  ],
  [
    'LoggingConfig: { SystemLogLevel: DEBUG }',
    'LogLevel is not supported when LogFormat is set to',
  ],
  [
    'EventInvokeConfig: { DestinationConfig: { OnSuccess: { Destination: "arn:aws:s3:::bucket" } } }',
    'onSuccess=OnSuccess(destination=arn:aws:s3:::bucket)',
  ],
  [
    'EventInvokeConfig: { DestinationConfig: { OnFailure: { Destination: "arn:aws:lambda:us-east-1:000000000000:function:absent" } } }',
    'function:absent is invalid',
  ],
])('what the Lambda API would refuse changes nothing: %s', async (line, reason) => {
  const stage = await openTemplateStage()
  try {
    await expect(stage.deploy(withProperties(line))).rejects.toThrow(reason)
    expect(stage.registry.functions()).toEqual([])
  } finally {
    await stage.close()
  }
})

test('wrong values are errors with their line', () => {
  const { errors } = loadText(
    withProperties(
      'LoggingConfig: { LogFormat: yaml }',
      'DeadLetterQueue: { Type: SES }',
      'EventInvokeConfig: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 59 }',
    ),
  )
  expect(errors).toEqual([
    '8: AWS::Serverless::Function Fn: LoggingConfig.LogFormat: "yaml" is not one of JSON, Text',
    '9: AWS::Serverless::Function Fn: DeadLetterQueue.Type: "SES" is not one of SQS, SNS',
    '10: AWS::Serverless::Function Fn: EventInvokeConfig.MaximumRetryAttempts: "3" is not a whole number from 0 to 2',
    '10: AWS::Serverless::Function Fn: EventInvokeConfig.MaximumEventAgeInSeconds: "59" is not a whole number from 60 to 21600',
  ])
})

test('a queue that only the template declares is not there: the function goes without it', () => {
  const { plan, warnings, errors } = loadText(
    [
      withProperties(
        'DeadLetterQueue: { Type: SQS, TargetArn: !GetAtt Dead.Arn }',
        'EventInvokeConfig: { DestinationConfig: { OnFailure: { Type: SQS } } }',
      ),
      '  Dead:',
      '    Type: AWS::SQS::Queue',
    ].join('\n'),
  )
  expect(errors).toEqual([])
  expect(warnings).toEqual([
    '8: the text "Dead.Arn" takes the place of a value of AWS::SQS::Queue',
    '8: AWS::Serverless::Function Fn: DeadLetterQueue: Dead.Arn is not there: the function goes without it',
    '9: AWS::Serverless::Function Fn: EventInvokeConfig.DestinationConfig.OnFailure: has no ARN, and nothing is made for it: the function goes without it',
    '10: Dead: resources of type AWS::SQS::Queue are not supported',
  ])
  expect(plan.functions[0]?.configuration.DeadLetterConfig).toBeUndefined()
  expect(plan.functions[0]?.eventInvoke).toBeUndefined()
})

test("CloudFormation's function has its queue under DeadLetterConfig", () => {
  const text = withProperties(`DeadLetterConfig: { TargetArn: "${queue}" }`)
    .replace('Serverless', 'Lambda')
    .replace('CodeUri', 'Code')
  const { plan, warnings } = loadText(text)
  expect(warnings).toEqual([])
  expect(plan.functions[0]?.configuration.DeadLetterConfig).toEqual({ TargetArn: queue })
})
