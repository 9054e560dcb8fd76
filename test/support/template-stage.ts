// A registry, the Lambda API's services and a directory for a template, without broker or poller.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { silentLogger, type Logger } from '../../common/logger.ts'
import { CodeStore } from '../../control/lambda/code-store.ts'
import { FunctionService } from '../../control/lambda/function-service.ts'
import { Serial } from '../../control/lambda/serial.ts'
import { LayerService } from '../../control/layers/layer-service.ts'
import { MappingService } from '../../control/lambda/mapping-service.ts'
import { FileRegistry } from '../../control/registry/file-registry.ts'
import {
  deployTemplate,
  type DeployOptions,
  type DeployReport,
} from '../../control/template/deploy.ts'
import type { PlannedStream, PlannedTopic } from '../../control/template/plan.ts'
import { everyStream } from './control-harness.ts'
import { MemoryObjects } from './memory-objects.ts'

export interface TemplateStage {
  /** Has an empty folder `src`, and `template.yaml` once it was written. */
  readonly dir: string
  readonly registry: FileRegistry
  readonly functions: FunctionService
  readonly mappings: MappingService
  /** In the order in which they were asked for. */
  readonly topics: PlannedTopic[]
  readonly streams: PlannedStream[]
  topicFailure: Error | undefined
  write(template: string): Promise<void>
  deploy(template: string, parameterOverrides?: readonly string[]): Promise<DeployReport>
  options(logger?: Logger): DeployOptions
  /** Mappings can only be changed once a poller has them. */
  pollerHasAll(): Promise<void>
  close(): Promise<void>
}

export async function openTemplateStage(objects = new MemoryObjects()): Promise<TemplateStage> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-template-'))
  const common = { clock: systemClock, logger: silentLogger }
  const account = { region: 'us-east-1', accountId: '000000000000' }
  const registry = await FileRegistry.open({
    dir: join(dir, 'registry'),
    writer: 'both',
    ...common,
  })
  const codeStore = new CodeStore(dir, objects)
  const accountConcurrency = 1000
  const changes = new Serial()
  const functions = new FunctionService({
    registry,
    codeStore,
    layers: new LayerService({ dataDir: dir, codeStore, changes, account, ...common }),
    changes,
    account,
    accountConcurrency,
    ...common,
  })
  const mappings = new MappingService({
    pace: 'local',
    streams: everyStream,
    registry,
    account,
    ...common,
  })
  await functions.start()
  mappings.start()
  await mkdir(join(dir, 'src'))
  const topics: PlannedTopic[] = []
  const streams: PlannedStream[] = []
  const stage: TemplateStage = {
    dir,
    registry,
    functions,
    mappings,
    topics,
    streams,
    topicFailure: undefined,
    write: (template) => writeFile(join(dir, 'template.yaml'), template),
    deploy: async (template, parameterOverrides = []) => {
      await stage.write(template)
      return deployTemplate({ ...stage.options(), parameterOverrides })
    },
    options: (logger = silentLogger) => ({
      path: dir,
      parameterOverrides: [],
      ...account,
      dataDir: join(dir, 'data'),
      brokers: ['127.0.0.1:1'],
      kinesis: { kinesisEndpoint: '', own: 'http://127.0.0.1:1' },
      streams: {
        ensure: async (stream) => {
          streams.push(stream)
          return { action: 'created', warnings: [] }
        },
        register: async ({ plannedArn }) => {
          return { action: 'created', arn: plannedArn.replace(/:0$/, ':1764000000') }
        },
      },
      functions,
      mappings,
      clock: systemClock,
      logger,
      topics: {
        ensure: async (topic) => {
          if (stage.topicFailure !== undefined) throw stage.topicFailure
          topics.push(topic)
          return { action: 'created', warnings: [] }
        },
        close: async () => {},
      },
    }),
    pollerHasAll: async () => {
      for (const { uuid, revision } of registry.mappings()) {
        const status = { uuid, revision, state: 'enabled', lastProcessingResult: 'OK' } as const
        await registry.putStatus(status)
      }
    },
    close: async () => {
      await mappings.stop()
      await functions.stop()
      await registry.close()
      await rm(dir, { recursive: true })
    },
  }
  return stage
}
