// The workers role: runs functions for whoever invokes them, in this process or over HTTP.
import type { Clock } from '../common/clock.ts'
import type { FunctionInvoker } from '../common/invocation.ts'
import { stopGraceMs, waitingPayloadsMaxBytes } from '../common/limits.ts'
import { closeHttpServer, listen } from '../common/listen.ts'
import type { Logger } from '../common/logger.ts'
import type { RunningRole } from '../common/role.ts'
import type { Registry } from '../control/registry/registry.ts'
import type { AccountQuota } from './account-quota.ts'
import { removeLeftDirectories } from './claimed-directory.ts'
import { openCpuShares, type CpuShareSetting } from './cpu/open-cpu-shares.ts'
import { createInvokeServer } from './invoke-server.ts'
import { Invoker } from './invoker.ts'
import { workersMetrics } from './metrics.ts'
import type { FunctionLogTargets } from './logs/function-logs.ts'

export interface WorkersOptions extends FunctionLogTargets {
  readonly registry: Registry
  readonly host: string
  /** Undefined: no door, invocations come from this process alone. */
  readonly port?: number | undefined
  readonly region: string
  readonly accountId: string
  readonly accountConcurrency: number
  /** Shares that limit with other copies of the workers. */
  readonly quota?: AccountQuota
  /** Environments alive at once, all functions together. */
  readonly workersMax: number
  readonly pace?: 'local' | 'aws'
  /** This copy's name among those that share the registry. */
  readonly copy?: string
  readonly idleTimeoutMs: number
  /** How environments are held to their share of the processor. */
  readonly cpuShare: CpuShareSetting
  readonly clock: Clock
  readonly logger: Logger
}

/** Rejects with AppError PORT_TAKEN, DOOR_NOT_OPENED or CONFIG_INVALID. */
export async function startWorkers(
  options: WorkersOptions,
): Promise<RunningRole & FunctionInvoker> {
  const { cpuShare, clock, logger } = options
  // Nobody waits for it: there may be gigabytes.
  void removeLeftDirectories(logger)
  const cpuShares = await openCpuShares({ setting: cpuShare, clock, logger })
  const invoker = new Invoker({
    ...options,
    cpuShares,
    environmentsMax: Math.max(1, options.workersMax),
    waitingMaxBytes: waitingPayloadsMaxBytes,
  })
  const server = createInvokeServer({ ...options, invoker })
  const doors: Record<string, string> = {}
  if (options.port !== undefined) {
    const where = { door: 'workers', host: options.host, port: options.port }
    doors['workers'] = `http://${await listen(server, where)}`
  }
  return {
    name: 'workers',
    doors,
    metrics: workersMetrics(invoker),
    problems: () => [],
    invoke: (invocation) => invoker.invoke(invocation),
    stop: async () => {
      const closed = closeHttpServer(server, { clock, graceMs: stopGraceMs })
      await invoker.stop(stopGraceMs)
      await closed
    },
  }
}
