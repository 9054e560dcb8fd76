// The workers' metric table, read from the counters of each function.
import type { MetricDefinition, MetricSample, MetricSource } from '../common/metrics.ts'
import { coresOf } from './cpu/cores.ts'
import type { FunctionState, Invoker } from './invoker.ts'

const bytesOf = (megabytes: number | undefined): number | undefined =>
  megabytes === undefined ? undefined : megabytes * 1024 * 1024

const perFunction = ['function'] as const

interface FunctionMetric {
  readonly type: MetricDefinition['type']
  readonly help: string
  readonly aws?: string
  /** Undefined: the function has no such series. */
  readonly read: (state: FunctionState) => MetricSample['value'] | undefined
}

const functionMetrics = {
  millrace_function_invocations_total: {
    type: 'counter',
    help: 'Events that a function ran for, successful or not.',
    aws: 'Invocations',
    read: ({ counters }) => counters.invocations,
  },
  millrace_function_errors_total: {
    type: 'counter',
    help: 'Invocations that ended in a function error, timeouts included.',
    aws: 'Errors',
    read: ({ counters }) => counters.errors,
  },
  millrace_function_timeouts_total: {
    type: 'counter',
    help: "Invocations that ran into the function's timeout.",
    read: ({ counters }) => counters.timeouts,
  },
  millrace_function_cold_starts_total: {
    type: 'counter',
    help: 'Invocations that found no warm environment.',
    read: ({ counters }) => counters.coldStarts,
  },
  millrace_function_provisioned_invocations_total: {
    type: 'counter',
    help: 'Invocations in environments of provisioned concurrency.',
    aws: 'ProvisionedConcurrencyInvocations',
    read: ({ counters }) => counters.provisionedInvocations,
  },
  millrace_function_spillover_invocations_total: {
    type: 'counter',
    help: 'Invocations of versions with provisioned concurrency that found none of it free and ran on demand.',
    aws: 'ProvisionedConcurrencySpilloverInvocations',
    read: ({ counters }) => counters.spilloverInvocations,
  },
  millrace_function_provisioned_environments: {
    type: 'gauge',
    help: 'Environments of provisioned concurrency that are initialised, of all versions of the function.',
    aws: 'ProvisionedConcurrentExecutions',
    read: ({ provisioned }) => provisioned,
  },
  millrace_function_duration_seconds: {
    type: 'histogram',
    help: "The handler's time, without its initialisation.",
    aws: 'Duration',
    read: ({ counters }) => counters.durationSeconds.read(),
  },
  millrace_function_init_duration_seconds: {
    type: 'histogram',
    help: "Time to load the handler's module in a new environment.",
    aws: 'InitDuration',
    read: ({ counters }) => counters.initSeconds.read(),
  },
  millrace_function_wait_seconds: {
    type: 'histogram',
    help: 'Time that an invocation waited for an environment.',
    read: ({ counters }) => counters.waitSeconds.read(),
  },
  millrace_function_concurrent_executions: {
    type: 'gauge',
    help: 'Invocations that run or wait for an environment.',
    aws: 'ConcurrentExecutions',
    read: ({ executions }) => executions,
  },
  millrace_function_reserved_concurrency: {
    type: 'gauge',
    help: "The function's reserved concurrency; absent where it shares what is not reserved.",
    read: ({ reservedConcurrency }) => reservedConcurrency,
  },
  millrace_function_cpu_seconds_total: {
    type: 'counter',
    help: "CPU time of the function's environments from their start; that of one that ends itself is not known.",
    read: ({ counters }) => counters.cpuMs / 1000,
  },
  millrace_function_cpu_share: {
    type: 'gauge',
    help: 'Processor cores due to an environment of its memory size, by 1769 MB a core.',
    read: ({ memorySizeMb }) => coresOf(memorySizeMb),
  },
  millrace_function_cpu_throttled_seconds_total: {
    type: 'counter',
    help: "Time that the function's environments stood still because their share of the processor was used up.",
    read: ({ counters }) => counters.throttled.readMs() / 1000,
  },
  millrace_function_memory_used_bytes: {
    type: 'gauge',
    help: 'Most memory that an environment had used at the end of an invocation, of the last half minute to minute.',
    read: ({ counters }) => bytesOf(counters.memoryUsedMb.read()),
  },
  millrace_function_memory_size_bytes: {
    type: 'gauge',
    help: "The function's MemorySize.",
    read: ({ memorySizeMb }) => bytesOf(memorySizeMb),
  },
} as const satisfies Record<string, FunctionMetric>

const throttles = {
  name: 'millrace_function_throttles_total',
  type: 'counter',
  help: 'Invocations refused for want of concurrency, by what was exhausted: account (all that is not reserved), reserved (of the function), waiting (room for events that wait for an environment), or at the pace of AWS scaling, rate and reserved-rate.',
  labels: ['function', 'reason'],
  aws: 'Throttles',
} as const satisfies MetricDefinition

const cpuShareWay = {
  name: 'millrace_workers_cpu_share_way',
  type: 'gauge',
  help: 'How environments are held to their share of the processor, as its label: cgroup-v1, cgroup-v2, governor or off. Always 1.',
  labels: ['way'],
} as const satisfies MetricDefinition

const cpuRefills = {
  name: 'millrace_workers_cpu_refills_total',
  type: 'counter',
  help: 'Shares of the processor that were given anew before their time, because a thread that had used up its own held a lock which the main thread waited for.',
  labels: [],
} as const satisfies MetricDefinition

const machineMetrics = {
  millrace_workers_concurrency_max: {
    help: 'Concurrent executions of all functions together before invocations are throttled.',
    read: (invoker: Invoker) => invoker.concurrencyMax,
  },
  millrace_workers_unreserved_concurrency_max: {
    help: 'What of it is not reserved: shared by all functions that reserve none.',
    read: (invoker: Invoker) => invoker.unreservedConcurrencyMax,
  },
  millrace_workers_environments: {
    help: 'Execution environments alive.',
    read: (invoker: Invoker) => invoker.environments,
  },
  millrace_workers_environments_max: {
    help: 'Execution environments that may be alive at once.',
    read: (invoker: Invoker) => invoker.environmentsMax,
  },
} as const

export const workersMetricDefinitions: readonly MetricDefinition[] = [
  ...Object.entries<FunctionMetric>(functionMetrics).map(([name, { type, help, aws }]) =>
    Object.assign({ name, type, help, labels: perFunction }, aws === undefined ? {} : { aws }),
  ),
  throttles,
  cpuShareWay,
  cpuRefills,
  ...Object.entries(machineMetrics).map(([name, { help }]) => ({
    name,
    type: 'gauge' as const,
    help,
    labels: [],
  })),
]

/** The series of a function end with it. */
export function workersMetrics(invoker: Invoker): MetricSource {
  return {
    definitions: workersMetricDefinitions,
    collect: () => [
      ...invoker.functions().flatMap(samplesOf),
      { name: cpuShareWay.name, labels: { way: invoker.cpuShares.way }, value: 1 },
      { name: cpuRefills.name, labels: {}, value: invoker.cpuShares.refills },
      ...Object.entries(machineMetrics).map(([name, { read }]) => ({
        name,
        labels: {},
        value: read(invoker),
      })),
    ],
  }
}

function samplesOf(state: FunctionState): readonly MetricSample[] {
  const samples: MetricSample[] = []
  for (const [name, { read }] of Object.entries<FunctionMetric>(functionMetrics)) {
    const value = read(state)
    if (value !== undefined) samples.push({ name, labels: { function: state.name }, value })
  }
  for (const [reason, value] of Object.entries(state.counters.throttles)) {
    samples.push({ name: throttles.name, labels: { function: state.name, reason }, value })
  }
  return samples
}
