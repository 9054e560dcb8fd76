// The control role: opens the AWS door and answers the Lambda API from the registry.
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import type { KafkaClusters } from '../common/kafka-clusters.ts'
import { awsKeepAliveMs } from '../common/door-limits.ts'
import { httpConnectionsMax, stopGraceMs } from '../common/limits.ts'
import { logGroupDefaultBytes, logTotalDefaultBytes } from '../common/log-limits.ts'
import { closeServer, listen } from '../common/listen.ts'
import type { Logger } from '../common/logger.ts'
import type { MetricSource } from '../common/metrics.ts'
import type { RunningRole } from '../common/role.ts'
import { AwsObjects, type Objects } from '../destinations/aws-objects.ts'
import type { Sender } from '../destinations/sender.ts'
import { AsyncInvoker } from './async/async-invoker.ts'
import { asyncMetrics } from './async/metrics.ts'
import { retryPaces } from './async/retry-plan.ts'
import { functionLogsFolder } from '../function-logs/group-folder.ts'
import { LogWriter } from '../function-logs/log-writer.ts'
import { iamService } from './iam/iam-service.ts'
import { serveJson } from './json/json-router.ts'
import { KinesisForward } from './kinesis/kinesis-forward.ts'
import { Ingest } from './ingest/ingest.ts'
import type { JsonService } from './json/json-service.ts'
import { aliasRoutes } from './lambda/alias-routes.ts'
import { codeRoutes } from './lambda/code-routes.ts'
import { CodeStore } from './lambda/code-store.ts'
import { concurrencyRoutes } from './lambda/concurrency-routes.ts'
import { defaultRoutes } from './lambda/default-routes.ts'
import { eventInvokeConfigRoutes } from './lambda/event-invoke-config-routes.ts'
import type { Account } from './lambda/function-name.ts'
import { functionRoutes } from './lambda/function-routes.ts'
import { FunctionService } from './lambda/function-service.ts'
import type { Streams } from './lambda/kinesis-mapping.ts'
import { invokeRoute } from './lambda/invoke-route.ts'
import { mappingRoutes } from './lambda/mapping-routes.ts'
import { MappingService } from './lambda/mapping-service.ts'
import { policyRoutes } from './lambda/policy-routes.ts'
import { provisionedRoutes } from './lambda/provisioned-routes.ts'
import { RequestCounter } from './lambda/request-counter.ts'
import type { Route } from './lambda/route.ts'
import { createRouter } from './lambda/router.ts'
import { tagRoutes } from './lambda/tag-routes.ts'
import { Serial } from './lambda/serial.ts'
import { TagService } from './lambda/tag-service.ts'
import { versionRoutes } from './lambda/version-routes.ts'
import { layerRoutes } from './layers/layer-routes.ts'
import { LayerService } from './layers/layer-service.ts'
import { clusterRoutes } from './msk/cluster-routes.ts'
import { logService } from './logs/log-service.ts'
import { controlMetricSource } from './metrics.ts'
import { identityService } from './query/caller-identity.ts'
import { queryRoute } from './query/query-route.ts'
import type { Registry } from './registry/registry.ts'

export interface ControlOptions {
  /** The control role is its writer of functions and mappings. Its owner closes it. */
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  /** Takes results of asynchronous invocations to where they are configured to go. */
  readonly sender: Sender
  /** Where code of buckets comes from; S3 unless given. */
  readonly objects?: Objects
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
  /** Functions' code is unpacked into `functions/` of it, and `async/` holds queued events. */
  readonly dataDir: string
  readonly region: string
  readonly accountId: string
  /** The limit that reservations are checked against; the workers keep it. */
  readonly accountConcurrency: number
  /** What Amazon MSK's API tells of. */
  readonly clusters: KafkaClusters
  /** The door of the Kinesis API, to which its calls go on; undefined where there is none. */
  readonly kinesisUrl?: string | undefined
  /** What HTTP ingestion asks its clients for; empty for nothing. */
  readonly ingestApiKey?: string
  /** Where mappings find their Kinesis streams. */
  readonly streams: Streams
  /** How long asynchronous events wait between tries. */
  readonly pace: keyof typeof retryPaces
  readonly clock: Clock
  readonly logger: Logger
  /** Writes log events that clients put themselves; one of its own unless given. Its owner closes it. */
  readonly logWriter?: LogWriter
  /** Shown at `/`. */
  readonly version?: string
}

export interface RunningControl extends RunningRole {
  readonly functions: FunctionService
  readonly mappings: MappingService
}

/** Rejects with AppError PORT_TAKEN, DOOR_NOT_OPENED or STORAGE_FAILED. */
export async function startControl(options: ControlOptions): Promise<RunningControl> {
  const { registry, clock, logger, dataDir } = options
  const services = await openServices(options)
  const { account, functions, mappings, asyncInvoker, logWriter } = services
  const counter = new RequestCounter()
  const problems = (): readonly string[] => registry.problems?.() ?? []
  const serving = { counter, logger }
  const { kinesisUrl: url, ingestApiKey: apiKey = '' } = options
  const kinesis = new KinesisForward({ ...serving, clock, url })
  const ingest = new Ingest({ counter, clock, logger, url, apiKey })
  const router = await createRouter({
    ...serving,
    routes: [
      ...lambdaRoutes(services, options.invoker),
      ...clusterRoutes(options.clusters),
      queryRoute([identityService(account), iamService({ dataDir, account, clock })]),
      ...pages(options, problems),
    ],
    extend: (app) => {
      kinesis.serve(app)
      ingest.serve(app)
      return serveJson(app, { ...serving, services: [logs(options, services)] })
    },
  })
  await functions.start()
  mappings.start()
  const server = createServer({ keepAliveTimeout: awsKeepAliveMs }, router)
  server.maxConnections = httpConnectionsMax
  // Whoever keeps one for later makes room for who has something to ask.
  server.on('drop', () => server.closeIdleConnections())
  kinesis.takeHttp2(server)
  const address = await listen(server, { door: 'aws', host: options.host, port: options.port })
  asyncInvoker.start()
  return {
    name: 'control',
    doors: { aws: `http://${address}` },
    metrics: together([
      controlMetricSource(registry, counter),
      asyncMetrics(asyncInvoker, () => clock.now()),
    ]),
    problems,
    functions,
    mappings,
    stop: async () => {
      kinesis.drain()
      const grace = clock.after(stopGraceMs, () => {
        server.closeAllConnections()
        kinesis.close()
      })
      await Promise.all([closeServer(server), asyncInvoker.drain(stopGraceMs)])
      grace.cancel()
      ingest.close()
      kinesis.close()
      await asyncInvoker.close()
      await Promise.all([functions.stop(), mappings.stop()])
      await (options.logWriter === undefined ? logWriter.close() : logWriter.flush())
    },
  }
}

interface Services {
  readonly account: Account
  readonly codeStore: CodeStore
  readonly layers: LayerService
  readonly functions: FunctionService
  readonly mappings: MappingService
  readonly asyncInvoker: AsyncInvoker
  readonly logWriter: LogWriter
}

async function openServices(options: ControlOptions): Promise<Services> {
  const { clock, logger, dataDir, region, accountId } = options
  const account = { region, accountId }
  const codeStore = new CodeStore(dataDir, options.objects ?? new AwsObjects({ region, clock }))
  const changes = new Serial()
  const layers = new LayerService({ dataDir, codeStore, changes, account, clock })
  return {
    account,
    codeStore,
    layers,
    functions: new FunctionService({ ...options, codeStore, layers, changes, account }),
    mappings: new MappingService({ ...options, account }),
    asyncInvoker: await AsyncInvoker.open({
      ...options,
      directory: join(dataDir, 'async'),
      pace: retryPaces[options.pace],
      logger: logger.child('async'),
    }),
    logWriter:
      options.logWriter ??
      new LogWriter({
        root: functionLogsFolder(dataDir),
        groupMaxBytes: logGroupDefaultBytes,
        totalMaxBytes: logTotalDefaultBytes,
        clock,
        logger,
      }),
  }
}

function lambdaRoutes(services: Services, invoker: FunctionInvoker): readonly Route[] {
  const { account, codeStore, layers, functions, mappings, asyncInvoker } = services
  return [
    ...functionRoutes({ functions, account }),
    ...versionRoutes({ functions, account }),
    ...aliasRoutes({ functions }),
    ...provisionedRoutes({ functions }),
    ...policyRoutes({ functions }),
    ...defaultRoutes({ functions }),
    ...codeRoutes({ codeStore }),
    ...layerRoutes({ layers, account, free: (code) => functions.codeKeeper.freeCode(code) }),
    ...tagRoutes({ tags: new TagService({ functions, mappings, account }) }),
    ...concurrencyRoutes({ functions }),
    ...eventInvokeConfigRoutes(functions.eventInvokeConfigs),
    invokeRoute({ functions, invoker, asyncInvoker }),
    ...mappingRoutes({ mappings, account }),
  ]
}

function logs({ dataDir, clock }: ControlOptions, services: Services): JsonService {
  const { account, logWriter: writer } = services
  return logService({ root: functionLogsFolder(dataDir), writer, account, clock })
}

function together(sources: readonly MetricSource[]): MetricSource {
  return {
    definitions: sources.flatMap(({ definitions }) => definitions),
    collect: async () =>
      (await Promise.all(sources.map(async (source) => source.collect()))).flat(),
  }
}

/** What someone sees who opens the door with a browser. */
function pages({ version }: ControlOptions, problems: () => readonly string[]): readonly Route[] {
  return [
    {
      operation: 'Index',
      method: 'get',
      path: '/',
      bodyMaxBytes: 0,
      handle: () => ({
        status: 200,
        body: {
          name: 'millrace',
          ...(version === undefined ? {} : { version }),
          links: {
            functions: '/2015-03-31/functions',
            eventSourceMappings: '/2015-03-31/event-source-mappings',
            clusters: '/api/v2/clusters',
            health: '/health',
          },
        },
      }),
    },
    {
      operation: 'Health',
      method: 'get',
      path: '/health',
      bodyMaxBytes: 0,
      handle: () => {
        const found = problems()
        const healthy = found.length === 0
        const status = healthy ? 'ok' : 'unhealthy'
        return { status: healthy ? 200 : 503, body: { status, problems: found } }
      },
    },
  ]
}
