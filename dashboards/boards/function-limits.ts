// Panels that hold what functions use against what they may: concurrency, processor and memory.
import { series } from '../panels.ts'
import { sumRate } from '../queries.ts'

const chosen = '{function=~"$function"}'
const legend = '{{function}}'
const executions = `sum by (function) (millrace_function_concurrent_executions${chosen})`

export function accountConcurrency() {
  const reserved = 'max by (function) (millrace_function_reserved_concurrency)'
  return series({
    title: 'Executions against the account',
    description:
      'All functions together, and those that share what is not reserved. At its limit each of them is throttled.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: 'sum(millrace_function_concurrent_executions)', legend: 'all functions' },
      {
        expr: `sum(sum by (function) (millrace_function_concurrent_executions) unless on (function) ${reserved})`,
        legend: 'unreserved functions',
      },
      { expr: 'max(millrace_workers_concurrency_max)', legend: 'limit of the account' },
      {
        expr: 'max(millrace_workers_unreserved_concurrency_max)',
        legend: 'limit of what is unreserved',
      },
    ],
  })
}

export function reservedConcurrency() {
  const reserved = `max by (function) (millrace_function_reserved_concurrency${chosen})`
  return series({
    title: 'Executions against reservations',
    description:
      'Functions with reserved concurrency, over all copies of the workers; at its limit a function is throttled.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: `${executions} and on (function) ${reserved}`, legend },
      { expr: reserved, legend: `limit of ${legend}` },
    ],
  })
}

export function throttlesByReason() {
  return series({
    title: 'Throttles by reason',
    description:
      'Invocations per second refused because the account (what is not reserved) or a reservation is exhausted, or too much waits for an environment.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [
      {
        expr: sumRate(`millrace_function_throttles_total${chosen}`, ['reason']),
        legend: '{{reason}}',
      },
    ],
  })
}

export function cpuAgainstShare() {
  const cpu = sumRate(`millrace_function_cpu_seconds_total${chosen}`, ['function'])
  const busy = sumRate(`millrace_function_duration_seconds_sum${chosen}`, ['function'])
  return series({
    title: 'Processor used against the share',
    description:
      'Cores that a running environment takes on average, starts included, and those due to its memory size (1769 MB a core). The share is shown, not enforced.',
    unit: 'short',
    width: 12,
    queries: [
      { expr: `${cpu} / ${busy}`, legend },
      {
        expr: `max by (function) (millrace_function_cpu_share${chosen})`,
        legend: `limit of ${legend}`,
      },
    ],
  })
}

export function memoryAgainstSize() {
  return series({
    title: 'Memory used against the size',
    description:
      'The most that an environment had used at the end of an invocation, of the last half minute to minute; a quarter above its size it is ended.',
    unit: 'bytes',
    width: 12,
    queries: [
      { expr: `max by (function) (millrace_function_memory_used_bytes${chosen})`, legend },
      {
        expr: `max by (function) (millrace_function_memory_size_bytes${chosen})`,
        legend: `limit of ${legend}`,
      },
    ],
  })
}
