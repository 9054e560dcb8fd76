// The control role: opens the AWS door and answers the Lambda API from the registry.
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import { httpConnectionsMax, stopGraceMs } from '../common/limits.ts'
import { logGroupDefaultBytes } from '../common/log-limits.ts'
import { closeServer, listen } from '../common/listen.ts'
import type { Logger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import type { Sender } from '../destinations/sender.ts'
import { AsyncInvoker } from './async/async-invoker.ts'
import { asyncMetrics } from './async/metrics.ts'
import { retryPaces } from './async/retry-plan.ts'
import { functionLogsFolder } from '../function-logs/group-folder.ts'
import { LogWriter } from '../function-logs/log-writer.ts'
import { serveJson } from './json/json-router.ts'
import { aliasRoutes } from './lambda/alias-routes.ts'
import { codeRoutes } from './lambda/code-routes.ts'
import { CodeStore } from './lambda/code-store.ts'
import { concurrencyRoutes } from './lambda/concurrency-routes.ts'
import { defaultRoutes } from './lambda/default-routes.ts'
import { eventInvokeConfigRoutes } from './lambda/event-invoke-config-routes.ts'
import { functionRoutes } from './lambda/function-routes.ts'
import { FunctionService } from './lambda/function-service.ts'
import { invokeRoute } from './lambda/invoke-route.ts'
import { mappingRoutes } from './lambda/mapping-routes.ts'
import { MappingService } from './lambda/mapping-service.ts'
import { policyRoutes } from './lambda/policy-routes.ts'
import { RequestCounter } from './lambda/request-counter.ts'
import type { Route } from './lambda/route.ts'
import { createRouter } from './lambda/router.ts'
import { tagRoutes } from './lambda/tag-routes.ts'
import { TagService } from './lambda/tag-service.ts'
import { versionRoutes } from './lambda/version-routes.ts'
import { logService } from './logs/log-service.ts'
import { controlMetricSource } from './metrics.ts'
import type { Registry } from './registry/registry.ts'

export interface ControlOptions {
  /** The control role is its writer of functions and mappings. Its owner closes it. */
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  /** Takes results of asynchronous invocations to where they are configured to go. */
  readonly sender: Sender
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
  /** Functions' code is unpacked into `functions/` of it, and `async/` holds queued events. */
  readonly dataDir: string
  readonly region: string
  readonly accountId: string
  /** The limit that reservations are checked against; the workers keep it. */
  readonly accountConcurrency: number
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
  const { registry, clock, logger, dataDir, region, accountId } = options
  const account = { region, accountId }
  const codeStore = new CodeStore(dataDir)
  const functions = new FunctionService({ ...options, codeStore, account })
  const mappings = new MappingService({ registry, account, clock, logger })
  const asyncInvoker = await AsyncInvoker.open({
    ...options,
    directory: join(dataDir, 'async'),
    pace: retryPaces[options.pace],
    logger: logger.child('async'),
  })
  const counter = new RequestCounter()
  const writer =
    options.logWriter ??
    new LogWriter({
      root: functionLogsFolder(dataDir),
      groupMaxBytes: logGroupDefaultBytes,
      clock,
      logger,
    })
  const problems = (): readonly string[] => registry.problems?.() ?? []
  let stopping = false
  const router = await createRouter({
    routes: [
      ...functionRoutes({ functions, account }),
      ...versionRoutes({ functions, account }),
      ...aliasRoutes({ functions }),
      ...policyRoutes({ functions }),
      ...defaultRoutes({ functions }),
      ...codeRoutes({ codeStore }),
      ...tagRoutes({ tags: new TagService({ functions, mappings, account }) }),
      ...concurrencyRoutes({ functions }),
      ...eventInvokeConfigRoutes(functions.eventInvokeConfigs),
      invokeRoute({ functions, invoker: options.invoker, asyncInvoker }),
      ...mappingRoutes({ mappings, account }),
      ...pages(options, problems),
    ],
    counter,
    logger,
    isStopping: () => stopping,
    extend: (app) =>
      serveJson(app, {
        services: [logService({ root: functionLogsFolder(dataDir), writer, account, clock })],
        counter,
        logger,
        isStopping: () => stopping,
      }),
  })
  await functions.start()
  mappings.start()
  const server = createServer(router)
  server.maxConnections = httpConnectionsMax
  const address = await listen(server, { door: 'aws', host: options.host, port: options.port })
  asyncInvoker.start()
  const measured = [
    controlMetricSource(registry, counter),
    asyncMetrics(asyncInvoker, () => clock.now()),
  ]
  return {
    name: 'control',
    doors: { aws: `http://${address}` },
    metrics: {
      definitions: measured.flatMap(({ definitions }) => definitions),
      collect: async () =>
        (await Promise.all(measured.map(async (source) => source.collect()))).flat(),
    },
    problems,
    functions,
    mappings,
    stop: async () => {
      stopping = true
      const grace = clock.after(stopGraceMs, () => server.closeAllConnections())
      await Promise.all([closeServer(server), asyncInvoker.drain(stopGraceMs)])
      grace.cancel()
      await asyncInvoker.close()
      await Promise.all([functions.stop(), mappings.stop()])
      await (options.logWriter === undefined ? writer.close() : writer.flush())
    },
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
