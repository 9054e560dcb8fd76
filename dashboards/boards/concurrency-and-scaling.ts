// How many invocations run at once, against which limits, and how long they wait and take.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { board } from '../board.ts'
import { series, stat } from '../panels.ts'
import { percentile, quantiles, sumRate } from '../queries.ts'
import { decisions, eventPollers, offsetLag, pollersNow, scalings } from './event-pollers.ts'
import {
  accountConcurrency,
  cpuAgainstShare,
  memoryAgainstSize,
  reservedConcurrency,
  throttledByProcessor,
  throttlesByReason,
} from './function-limits.ts'

const chosen = '{function=~"$function"}'
const legend = '{{function}}'
const executions = `sum by (function) (millrace_function_concurrent_executions${chosen})`

export function concurrencyAndScaling(): Dashboard {
  return board({
    name: 'concurrency-and-scaling',
    title: 'Concurrency and scaling',
    description:
      'How many invocations run at once and what bounds them; how many event pollers read; how long invocations wait, start and take.',
    variables: ['function'],
    marks: [scalings()],
    rows: {
      '': numbers(),
      Concurrency: [concurrent(), inFlight(), environments(), busy()],
      Limits: [
        accountConcurrency(),
        reservedConcurrency(),
        throttlesByReason(),
        cpuAgainstShare(),
        throttledByProcessor(),
        memoryAgainstSize(),
      ],
      'Event pollers': [eventPollers(), pollersNow(), offsetLag(), decisions()],
      'Waiting and starting': [waits(), coldStarts(), initialisation()],
      'What functions do': [invocations(), failures(), ...durations()],
      Processes: [memory(), processor(), eventLoop()],
    },
  })
}

function numbers() {
  return [
    stat({
      title: 'Concurrent executions',
      description: 'Invocations that run or wait for an environment, all functions together.',
      unit: 'short',
      width: 6,
      queries: [{ expr: 'sum(millrace_function_concurrent_executions)', legend: 'executions' }],
    }),
    stat({
      title: 'Of the account concurrency',
      description: 'At 100 % invocations are throttled (--account-concurrency).',
      unit: 'percentunit',
      width: 6,
      worry: 0.7,
      act: 0.9,
      queries: [
        {
          expr: 'sum(millrace_function_concurrent_executions) / max(millrace_workers_concurrency_max)',
          legend: 'used',
        },
      ],
    }),
    stat({
      title: 'Environments alive',
      description: 'Threads that run handlers or are kept warm for the next invocation.',
      unit: 'short',
      width: 6,
      queries: [{ expr: 'sum(millrace_workers_environments)', legend: 'environments' }],
    }),
    stat({
      title: 'Throttled invocations per second',
      description: 'Refused for want of concurrency; mappings try them again later.',
      unit: 'short',
      width: 6,
      act: 0.001,
      queries: [{ expr: sumRate('millrace_function_throttles_total'), legend: 'throttles' }],
    }),
  ]
}

function concurrent() {
  return series({
    title: 'Concurrent executions by function',
    description:
      'Invocations that run or wait for an environment, as scraped: short peaks may lie between.',
    unit: 'short',
    width: 12,
    stacked: true,
    queries: [{ expr: executions, legend }],
  })
}

function inFlight() {
  return series({
    title: 'Invocations in flight by mapping',
    description:
      'As the poller sees them. A mapping that stays at what its event pollers have room for (the table below) is bounded by the duration of its function.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `sum by (topic, function) (millrace_mapping_invocations_in_flight${chosen})`,
        legend: '{{topic}} → {{function}}',
      },
    ],
  })
}

function environments() {
  return series({
    title: 'Environments against their limit',
    description: 'Execution environments alive; at the limit invocations wait (--workers-max).',
    unit: 'short',
    width: 12,
    queries: [
      { expr: 'sum(millrace_workers_environments)', legend: 'alive' },
      { expr: 'sum(millrace_workers_environments_max)', legend: 'limit' },
    ],
  })
}

function busy() {
  return series({
    title: 'Handlers busy, on average',
    description:
      'Seconds of handler time per second: how many environments the work fills, short peaks evened out.',
    unit: 'short',
    width: 12,
    stacked: true,
    queries: [
      { expr: sumRate(`millrace_function_duration_seconds_sum${chosen}`, ['function']), legend },
    ],
  })
}

function waits() {
  return series({
    title: 'Wait for an environment',
    description:
      'Time that an invocation waits before a thread takes it, all chosen functions together. Times below 1 ms are not told apart.',
    unit: 's',
    width: 8,
    queries: quantiles.map((q) => ({
      expr: percentile(q, `millrace_function_wait_seconds${chosen}`),
      legend: `p${q * 100}`,
    })),
  })
}

function coldStarts() {
  return series({
    title: 'Cold starts per second',
    description: 'Invocations that found no warm environment.',
    unit: 'short',
    width: 8,
    queries: [
      { expr: sumRate(`millrace_function_cold_starts_total${chosen}`, ['function']), legend },
    ],
  })
}

function initialisation() {
  return series({
    title: 'Initialisation, mean since the start',
    description: "Time to load the handler's module in a new environment (Init Duration).",
    unit: 's',
    width: 8,
    queries: [
      {
        expr: `sum by (function) (millrace_function_init_duration_seconds_sum${chosen}) / sum by (function) (millrace_function_init_duration_seconds_count${chosen})`,
        legend,
      },
    ],
  })
}

function invocations() {
  return series({
    title: 'Invocations per second',
    description: 'Events that functions ran for, successful or not.',
    unit: 'short',
    width: 6,
    queries: [
      { expr: sumRate(`millrace_function_invocations_total${chosen}`, ['function']), legend },
    ],
  })
}

function failures() {
  return series({
    title: 'Errors and timeouts per second',
    description: 'Timeouts are part of the errors.',
    unit: 'short',
    width: 6,
    queries: ['errors', 'timeouts'].map((what) => ({
      expr: sumRate(`millrace_function_${what}_total${chosen}`, ['function']),
      legend: `${legend} ${what}`,
    })),
  })
}

function durations() {
  return [0.5, 0.99].map((q) =>
    series({
      title: `Duration, p${q * 100}`,
      description: `The handler's time, without initialisation: ${q === 0.5 ? 'half of the invocations take no longer' : 'one invocation in a hundred takes longer'}.`,
      unit: 's',
      width: 6,
      queries: [
        {
          expr: percentile(q, `millrace_function_duration_seconds${chosen}`, ['function']),
          legend,
        },
      ],
    }),
  )
}

function memory() {
  return series({
    title: 'Memory of each process',
    description: 'Resident memory. Functions run in the process of the workers.',
    unit: 'bytes',
    width: 8,
    queries: [
      { expr: 'process_resident_memory_bytes{job!="prometheus"}', legend: '{{job}} {{instance}}' },
    ],
  })
}

function processor() {
  return series({
    title: 'Processor cores of each process',
    description: '1 is one core at work all the time. Functions run in the process of the workers.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: 'rate(process_cpu_seconds_total{job!="prometheus"}[$__rate_interval])',
        legend: '{{job}} {{instance}}',
      },
    ],
  })
}

function eventLoop() {
  return series({
    title: 'Delay of the main thread, p99',
    description:
      'How late the event loop of each process is. Above 100 ms everything that the process does is late.',
    unit: 's',
    width: 8,
    queries: [{ expr: 'nodejs_eventloop_lag_p99_seconds', legend: '{{job}} {{instance}}' }],
  })
}
