// Panels on event pollers: how many mappings have, of how many they may, and what changes the number.
import { marksOf } from '../board.ts'
import { series, table } from '../panels.ts'

const chosen = '{function=~"$function"}'
const byMapping = '{{topic}} → {{function}}'
const ofEachMapping = 'by (topic, function)'

export function eventPollers() {
  return series({
    title: 'Event pollers by mapping',
    description:
      'Each has room for five invocations. On demand one grows to as many as partitions while the mapping is behind; provisioned mode keeps its minimum.',
    unit: 'short',
    width: 12,
    stepped: true,
    queries: [
      {
        expr: `sum ${ofEachMapping} (millrace_mapping_event_pollers${chosen})`,
        legend: byMapping,
      },
    ],
  })
}

export function pollersNow() {
  const column = (title: string, metric: string) => ({
    title,
    unit: 'short',
    expr: `sum ${ofEachMapping} (${metric}${chosen})`,
  })
  return table({
    title: 'Event pollers of each mapping now',
    description:
      'How many a mapping has, has at least and may have; the invocations under way and those that its event pollers have room for. At its most and still behind, it wants more partitions, a higher maximum or a faster function.',
    width: 12,
    labels: { topic: 'Topic', function: 'Function' },
    columns: [
      column('Now', 'millrace_mapping_event_pollers'),
      column('At least', 'millrace_mapping_event_pollers_min'),
      column('At most', 'millrace_mapping_event_pollers_max'),
      column('In flight', 'millrace_mapping_invocations_in_flight'),
      column('Room for', 'millrace_mapping_invocations_max'),
    ],
  })
}

export function offsetLag() {
  return series({
    title: 'Offset lag that scaling looks at',
    description:
      'Records after the checkpoints, all partitions together. Looked at once a second: full batches that wait bring event pollers.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `sum ${ofEachMapping} (millrace_mapping_offset_lag${chosen})`,
        legend: byMapping,
      },
      {
        expr: `max ${ofEachMapping} (millrace_mapping_offset_lag_max${chosen})`,
        legend: `worst partition of ${byMapping}`,
      },
    ],
  })
}

export function decisions() {
  return series({
    title: 'Scaling decisions by reason',
    description:
      'Changes of the number of event pollers in the last minute. lag: too few; partitions, maximum, concurrency: no more may be; throttled, idle: too many.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expr: `round(sum by (reason) (increase(millrace_mapping_scaling_decisions_total${chosen}[1m])))`,
        legend: '{{reason}}',
      },
    ],
  })
}

export function scalings() {
  return marksOf({
    name: 'Scaling decisions',
    colour: 'purple',
    seconds: `millrace_mapping_scaling_decision_timestamp_seconds${chosen}`,
    title: 'Event pollers changed: {{reason}}',
    text: '{{topic}} → {{function}}',
  })
}
