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
    title: 'Throttles by function and reason',
    description:
      'Invocations per second refused because the account (what is not reserved) or a reservation is exhausted, or too much waits for an environment.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [
      {
        expr: sumRate(`millrace_function_throttles_total${chosen}`, ['function', 'reason']),
        legend: `${legend}: {{reason}}`,
      },
    ],
  })
}

export function cpuAgainstShare() {
  const cpu = sumRate(`millrace_function_cpu_seconds_total${chosen}`, ['function'])
  const busy = sumRate(`millrace_function_duration_seconds_sum${chosen}`, ['function'])
  const share = `max by (function) (millrace_function_cpu_share${chosen})`
  return series({
    title: 'Processor used, of what the memory size gives',
    description:
      'Processor time of a running environment, starts included, as a part of its due: 1769 MB of memory size are due one core. Starts have a whole core, as on AWS, so a function that starts often may be above its limit.',
    unit: 'percentunit',
    width: 8,
    limit: 1,
    queries: [{ expr: `${cpu} / ${busy} / ${share}`, legend }],
  })
}

export function throttledByProcessor() {
  const stood = sumRate(`millrace_function_cpu_throttled_seconds_total${chosen}`, ['function'])
  const busy = sumRate(`millrace_function_duration_seconds_sum${chosen}`, ['function'])
  return series({
    title: 'Time stood still for want of processor',
    description:
      'The part of a running environment’s time in which its share of the processor was used up. More memory size would make such a function faster, here as on AWS.',
    unit: 'percentunit',
    width: 8,
    queries: [{ expr: `${stood} / ${busy}`, legend }],
  })
}

export function memoryAgainstSize() {
  const used = `max by (function) (millrace_function_memory_used_bytes${chosen})`
  const size = `max by (function) (millrace_function_memory_size_bytes${chosen})`
  return series({
    title: 'Memory used, of the memory size',
    description:
      'The most that an environment had used at the end of an invocation, of the last half minute to minute; a quarter above its size it is ended.',
    unit: 'percentunit',
    width: 8,
    limit: 1,
    queries: [{ expr: `${used} / ${size}`, legend }],
  })
}
