// The poller's metrics of leases: how many mappings are this copy's to run.
import type { MetricDefinition, MetricSample } from '../common/metrics.ts'
import type { Leases } from './leases.ts'

export const leaseMetricDefinitions = [
  {
    name: 'millrace_poller_leases_held',
    type: 'gauge',
    help: 'Mappings that this poller runs; the sum over pollers is the number of mappings.',
    labels: [],
  },
] as const satisfies readonly MetricDefinition[]

export function leaseSamples(leases: Leases): readonly MetricSample[] {
  return [{ name: 'millrace_poller_leases_held', labels: {}, value: leases.held }]
}
