// Deploys a template with a stream and an event of type Kinesis, puts by the AWS SDK, and looks what the handler got.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListStreamConsumersCommand,
  PutRecordsCommand,
} from '@aws-sdk/client-kinesis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { startPlatform } from '../support/platform.ts'

const template = (shards: number, notes: string): string => `
Transform: AWS::Serverless-2016-10-31
Resources:
  Laps:
    Type: AWS::Kinesis::Stream
    Properties: { Name: laps, ShardCount: ${shards}, RetentionPeriodHours: 48 }
  Noting:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: noting
      Environment: { Variables: { NOTES: '${notes}' } }
      Events:
        Lap:
          Type: Kinesis
          Properties:
            Stream: !GetAtt Laps.Arn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            ParallelizationFactor: 2
            FilterCriteria: { Filters: [{ Pattern: '{"data":{"lap":[{"numeric":[">",0]}]}}' }] }
  Wall:
    Type: AWS::Kinesis::StreamConsumer
    Properties: { ConsumerName: wall, StreamARN: !GetAtt Laps.Arn }
  Watching:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs24.x
      Handler: app.handler
      CodeUri: noting
      Environment: { Variables: { NOTES: '${notes}-wall', WALL: !GetAtt Wall.ConsumerARN } }
      Events:
        Lap:
          Type: Kinesis
          Properties: { Stream: !GetAtt Wall.ConsumerARN, StartingPosition: TRIM_HORIZON }
`

const handler = `
const { appendFileSync } = require('node:fs')
exports.handler = async ({ Records }) => {
  const { WALL = Records[0].eventSourceARN } = process.env
  if (WALL !== Records[0].eventSourceARN) throw new Error(WALL)
  for (const { kinesis } of Records) {
    const { lap } = JSON.parse(Buffer.from(kinesis.data, 'base64'))
    appendFileSync(process.env.NOTES, kinesis.partitionKey + ' ' + lap + '\\n')
  }
}
`

test('a template makes its stream, maps it to a function, and reshards it by an edit', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-kinesis-template-'))
  const notes = join(dir, 'notes.txt')
  await mkdir(join(dir, 'noting'))
  await writeFile(join(dir, 'noting', 'app.js'), handler)
  await writeFile(notes, '')
  await writeFile(join(dir, 'template.yaml'), template(2, notes))
  const platform = await startPlatform({
    dataDir: join(dir, 'data'),
    args: ['--template', dir],
  })
  const kinesis = new KinesisClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  onTestFinished(async () => {
    kinesis.destroy()
    await platform.stop()
    await rm(dir, { recursive: true, force: true })
  })
  const summary = async () =>
    (await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: 'laps' })))
      .StreamDescriptionSummary
  const put = async (laps: readonly number[]): Promise<void> => {
    const Records = laps.map((lap) => ({
      PartitionKey: `car-${lap % 4}`,
      Data: Buffer.from(JSON.stringify({ lap })),
    }))
    const answer = await kinesis.send(new PutRecordsCommand({ StreamName: 'laps', Records }))
    expect(answer.FailedRecordCount).toBe(0)
  }
  const noted = async (count: number, file = notes): Promise<readonly string[]> =>
    eventually(
      async () => {
        const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(0, -1)
        return lines.length >= count ? lines : undefined
      },
      () => `${count} records were not noted: ${platform.log()}`,
    )

  expect(await summary()).toMatchObject({ OpenShardCount: 2, RetentionPeriodHours: 48 })
  await put([-1, 1, 2, 3, 4, 5, 6, 7, 8])
  await noted(8)
  await writeFile(join(dir, 'template.yaml'), template(3, notes))
  await eventually(
    async () => (await summary())?.OpenShardCount === 3 || undefined,
    () => `the stream was not resharded: ${platform.log()}`,
  )
  await put([9, 10, 11, 12, -2])
  // A consumer has fan-out of its own, without the filter.
  expect(await noted(14, `${notes}-wall`)).toHaveLength(14)
  const { Consumers } = await kinesis.send(
    new ListStreamConsumersCommand({ StreamARN: (await summary())?.StreamARN }),
  )
  expect(Consumers).toMatchObject([{ ConsumerName: 'wall', ConsumerStatus: 'ACTIVE' }])
  const lines = await noted(12)
  for (const car of [0, 1, 2, 3]) {
    const own = lines
      .filter((line) => line.startsWith(`car-${car} `))
      .map((line) => line.split(' ')[1])
    const laps = [car, car + 4, car + 8, car + 12].filter((lap) => lap > 0 && lap <= 12)
    expect(own).toEqual(laps.map(String))
  }
})
