// The control role's metrics: requests answered, functions and mappings kept.
import type { MetricDefinition, MetricSample, MetricSource } from '../common/metrics.ts'
import { mappingState, mappingStates } from './lambda/mapping-state.ts'
import type { RequestCounter } from './lambda/request-counter.ts'
import type { Registry } from './registry/registry.ts'

export const controlMetricDefinitions = [
  {
    name: 'millrace_control_requests_total',
    type: 'counter',
    help: 'Requests to the AWS APIs that were answered, by operation and HTTP status.',
    labels: ['operation', 'status'],
  },
  {
    name: 'millrace_control_functions',
    type: 'gauge',
    help: 'Functions that exist.',
    labels: [],
  },
  {
    name: 'millrace_control_mappings',
    type: 'gauge',
    help: "Event source mappings by state, in AWS's words.",
    labels: ['state'],
  },
] as const satisfies readonly MetricDefinition[]

export function controlMetricSource(registry: Registry, counter: RequestCounter): MetricSource {
  return {
    definitions: controlMetricDefinitions,
    collect: () => [
      ...counter.read().map(({ operation, status, count }): MetricSample => ({
        name: 'millrace_control_requests_total',
        labels: { operation, status },
        value: count,
      })),
      { name: 'millrace_control_functions', labels: {}, value: registry.functions().length },
      ...mappingSamples(registry),
    ],
  }
}

/** Every state has its series, so that one which empties reads 0 and not its last value. */
function mappingSamples(registry: Registry): readonly MetricSample[] {
  const states = registry.mappings().map((m) => mappingState(m, registry.status(m.uuid)))
  return mappingStates.map((state) => ({
    name: 'millrace_control_mappings',
    labels: { state },
    value: states.filter((each) => each === state).length,
  }))
}
