// The metric of every process: how many problems each of its roles has.
import type { MetricDefinition, MetricSample } from './metrics.ts'

export const healthMetricDefinitions = [
  {
    name: 'millrace_problems',
    type: 'gauge',
    help: 'Problems of a role, as /health names them; 0 when all is well.',
    labels: ['role'],
  },
] as const satisfies readonly MetricDefinition[]

/** A series for each role, with problems or without. */
export function healthSamples(
  roles: readonly { readonly name: string; problems(): readonly string[] }[],
): readonly MetricSample[] {
  return roles.map((role) => ({
    name: healthMetricDefinitions[0].name,
    labels: { role: role.name },
    value: role.problems().length,
  }))
}
