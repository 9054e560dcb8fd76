// Tests that changes of a template are deployed, under a manual clock and with real files.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test as base } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { createLogger } from '../../common/logger.ts'
import { eventually } from '../../test/support/eventually.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { openTemplateStage, type TemplateStage } from '../../test/support/template-stage.ts'
import { zipOfTexts } from '../../test/support/lambda.ts'
import { watchTemplate, type DirectoryWatch, type TemplateWatcher } from './watch.ts'

const pollMs = 500
const settleMs = 50

interface Watched extends TemplateStage {
  readonly clock: ManualClock
  /** Lines of the log, `level message`, with `DIR` for the directory. */
  readonly log: string[]
  readonly path: string
  watch(watchDirectory?: DirectoryWatch): Promise<TemplateWatcher>
  /** Lets the clock go on until what has changed is deployed. */
  settle(): Promise<void>
}

const test = base.extend<{ stage: Watched }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the pattern to know what is needed.
  stage: async ({}, use) => {
    const stage = await openTemplateStage()
    const clock = new ManualClock()
    const log: string[] = []
    let watcher: TemplateWatcher | undefined
    const write = (line: string): void => {
      const { level, message } = JSON.parse(line) as { level: string; message: string }
      log.push(`${level} ${message.replaceAll(stage.dir, 'DIR')}`)
    }
    const step = async (byMs: number): Promise<void> => {
      clock.advance(byMs)
      await watcher?.idle()
    }
    const watched: Watched = Object.assign(stage, {
      clock,
      log,
      path: join(stage.dir, 'template.yaml'),
      watch: async (watchDirectory: DirectoryWatch = () => undefined) => {
        const logger = createLogger('t', { level: 'info', format: 'json', write })
        watcher = await watchTemplate({ ...stage.options(logger), clock, watchDirectory })
        log.length = 0
        return watcher
      },
      settle: async () => {
        for (const byMs of [pollMs, settleMs]) await step(byMs)
      },
    })
    await use(watched)
    await watcher?.stop()
    expect(clock.timers).toBe(0)
    await stage.close()
  },
})

const template = `
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs24.x, Handler: a.b, CodeUri: src, Timeout: 3 }
  Two:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs24.x, Handler: a.b, CodeUri: src, Timeout: 4 }
    # end
`

test('a change of the template updates what changed and nothing else', async ({ stage }) => {
  await stage.write(template)
  await stage.watch()
  const before = stage.registry.function('Two')
  await stage.write(template.replace('Timeout: 3', 'Timeout: 30'))
  await stage.settle()
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(30)
  expect(stage.registry.function('Two')).toEqual(before)
  expect(stage.log).toEqual(['info function updated', 'info template deployed again'])
})

test('an unchanged template is looked at and never deployed again', async ({ stage }) => {
  await stage.write(template)
  await stage.watch()
  for (let i = 0; i < 5; i++) await stage.settle()
  expect(stage.log).toEqual([])
  expect(stage.clock.timers).toBe(1)
})

test('a bad template is reported once with its line, and deployed when it is mended', async ({
  stage,
}) => {
  await stage.write(template)
  await stage.watch()
  await stage.write(template.replace('Timeout: 4', 'Timeout: 4000'))
  for (let i = 0; i < 3; i++) await stage.settle()
  expect(stage.log).toEqual([
    'error DIR/template.yaml:8: AWS::Serverless::Function Two: Timeout: "4000" is not a whole ' +
      'number from 1 to 900; what was deployed goes on',
  ])
  expect(stage.registry.function('Two')?.timeoutSeconds).toBe(4)
  await stage.write(template.replace('Timeout: 4', 'Timeout: 40'))
  await stage.settle()
  expect(stage.registry.function('Two')?.timeoutSeconds).toBe(40)
})

test.for([
  ['broken YAML', 'Two:', 'Two: "', /template.yaml:10: Missing closing "quote; what was deployed/],
  [
    'what the Lambda API refuses, though another function is in order',
    'nodejs24.x, Handler: a.b, CodeUri: src, Timeout: 4',
    'nodejs99.x, Handler: a.b, CodeUri: src, Timeout: 4',
    /template.yaml:6: function Two: Value nodejs99.x at 'runtime' failed/,
  ],
] as const)('%s changes nothing', async ([, from, to, message], { stage }) => {
  await stage.write(template)
  await stage.watch()
  await stage.write(template.replace(from, to).replace('Timeout: 3', 'Timeout: 30'))
  await stage.settle()
  expect(stage.log.at(-1)).toMatch(message)
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(3)
})

test('a file that is replaced by another, or gone for a while, is followed', async ({ stage }) => {
  await stage.write(template)
  await stage.watch()
  await writeFile(join(stage.dir, '.swap'), template.replace('Timeout: 3', 'Timeout: 30'))
  await rename(join(stage.dir, '.swap'), stage.path)
  await stage.settle()
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(30)
  await rm(stage.path)
  await stage.settle()
  expect(stage.log.at(-1)).toBe(
    'error template: there is no template.yaml in DIR; what was deployed goes on',
  )
  await stage.write(template.replace('Timeout: 3', 'Timeout: 31'))
  await stage.settle()
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(31)
})

test('a file that is still being written is left alone until it rests', async ({ stage }) => {
  await stage.write(template)
  const watcher = await stage.watch()
  await stage.write('Resources:\n')
  stage.clock.advance(pollMs)
  await watcher.idle()
  await stage.write(template.replace('Timeout: 3', 'Timeout: 33'))
  for (let i = 0; i < 2; i++) {
    stage.clock.advance(settleMs)
    await watcher.idle()
  }
  expect(stage.log).toEqual(['info function updated', 'info template deployed again'])
})

test('where the machine tells of changes no poll is waited for', async ({ stage }) => {
  await stage.write(template)
  const watched = new Map<string, () => void>()
  const watcher = await stage.watch((directory, onChange) => {
    watched.set(directory, onChange)
    return { close: () => watched.delete(directory) }
  })
  expect([...watched.keys()]).toEqual([stage.dir])
  await stage.write(template.replace('Timeout: 3', 'Timeout: 30'))
  for (let i = 0; i < 2; i++) {
    watched.get(stage.dir)?.()
    watched.get(stage.dir)?.()
    stage.clock.advance(settleMs)
    await watcher.idle()
  }
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(30)
  await watcher.stop()
  expect(watched.size).toBe(0)
})

test('the machine does tell of changes here', async ({ stage }) => {
  await stage.write(template)
  const { clock, path } = stage
  const watcher = await watchTemplate({ ...stage.options(), path, clock })
  await stage.write(template.replace('Timeout: 3', 'Timeout: 30'))
  let advancedMs = 0
  await eventually(
    async () => {
      // Never as far as a poll.
      if ((advancedMs += settleMs / 5) < pollMs) clock.advance(settleMs / 5)
      await watcher.idle()
      const reached = stage.registry.function('One')?.timeoutSeconds === 30
      return reached || undefined
    },
    () => 'the change was not deployed',
    5_000,
  )
  await watcher.stop()
})

test('a package that changes is deployed, and so is one that was missing', async ({ stage }) => {
  const zip = join(stage.dir, 'code.zip')
  await stage.write(template.replace('CodeUri: src, Timeout: 3', 'CodeUri: code.zip'))
  await writeFile(zip, await zipOfTexts({ 'a.js': '1' }))
  await stage.watch()
  const first = stage.registry.function('One')?.code
  await writeFile(zip, await zipOfTexts({ 'a.js': '2' }))
  await stage.settle()
  expect(stage.registry.function('One')?.code).not.toEqual(first)
  await stage.write(template.replace('src, Timeout: 3', 'later, Timeout: 30'))
  await stage.settle()
  expect(stage.log.at(-1)).toMatch(/:3: function One: CodeUri: DIR\/later is not a directory;/)
  await mkdir(join(stage.dir, 'later'))
  await stage.settle()
  expect(stage.registry.function('One')).toMatchObject({
    timeoutSeconds: 30,
    code: { directory: join(stage.dir, 'later') },
  })
})

test('inline code is written anew, and its function keeps its record', async ({ stage }) => {
  const inline = template
    .replace('Handler: a.b, CodeUri: src', 'Handler: index.b, InlineCode: exports.b = 1')
    .replace('# end', '')
  await stage.write(inline)
  await stage.watch()
  const before = stage.registry.function('One')
  await stage.write(inline.replace('exports.b = 1', 'exports.b = 2'))
  await stage.settle()
  expect(stage.registry.function('One')).toEqual(before)
  expect(stage.log).toEqual(['info template deployed again'])
})

test('a cluster that failed is asked again; one that answered is not', async ({ stage }) => {
  const topics = (name: string): string =>
    `${template}Metadata: { Millrace: { Topics: { ${name}: { Partitions: 2 } } } }\n`
  await stage.write(topics('a'))
  await stage.watch()
  await stage.write(topics('a').replace('Timeout: 3', 'Timeout: 30'))
  await stage.settle()
  expect(stage.topics.map(({ name }) => name)).toEqual(['a'])
  stage.topicFailure = new AppError('BROKER_UNREACHABLE', { brokers: 'b:1', reason: 'refused' })
  await stage.write(topics('b'))
  await stage.settle()
  expect(stage.log.at(-1)).toBe(
    'error no broker answers at b:1: refused; what was deployed goes on',
  )
  stage.topicFailure = undefined
  for (let i = 0; i < 4; i++) await stage.settle()
  expect(stage.topics.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(3)
})

test('a template that was never deployed and cannot be ends the start, and leaves no timer', async ({
  stage,
}) => {
  await stage.write('Resources: []')
  await expect(stage.watch()).rejects.toThrow('template.yaml:1: Resources: a list is not a mapping')
})

test('a bad template at a restart is reported, and what was deployed goes on until it is mended', async ({
  stage,
}) => {
  await stage.deploy(template)
  await stage.write('Resources: []')
  await stage.watch()
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(3)
  await stage.write(template.replace('Timeout: 3', 'Timeout: 30'))
  await stage.settle()
  expect(stage.registry.function('One')?.timeoutSeconds).toBe(30)
})

test('a mapping that no poller has taken up is waited for, and complained of once', async ({
  stage,
}) => {
  const mapping = (batchSize: number): string => `${template}
  Map:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref One
      SelfManagedEventSource: { Endpoints: { KafkaBootstrapServers: [127.0.0.1:1] } }
      Topics: [readings]
      BatchSize: ${batchSize}
`
  await stage.write(mapping(10))
  await stage.watch()
  await stage.write(mapping(20))
  const until = (reached: () => boolean): Promise<true> =>
    eventually(
      () => {
        stage.clock.advance(pollMs)
        return reached() || undefined
      },
      () => `not reached; the log is ${stage.log.join(', ')}`,
    )
  await until(() => stage.log.length > 0)
  const complaint = stage.log.slice(0, 1)
  expect(complaint[0]).toMatch(
    /^error DIR\/template.yaml:11: mapping Map: .*what was deployed goes on$/,
  )
  await stage.pollerHasAll()
  await until(() => stage.registry.mappings()[0]?.batchSize === 20)
  expect(stage.log.filter((line) => line.startsWith('error'))).toEqual(complaint)
})
