// The table of event types of a function; a later one is a file of its own and a row here.
import { resolve } from './intrinsics.ts'
import { mskEvent, selfManagedKafkaEvent } from './kafka-events.ts'
import { kinesisEvent } from './kinesis-mapping.ts'
import type { DeclaredMapping } from './kafka-mapping.ts'
import type { TemplateNames } from './names.ts'
import type { Plan } from './plan.ts'
import type { Resource } from './resources.ts'
import { emptyMapping, nameOf, type Entry } from './tree.ts'

/** What is to be deployed of an event; errors are reported, and leave things out. */
export type EventType = (event: DeclaredMapping, names: TemplateNames) => Partial<Plan>

const eventTypes: ReadonlyMap<string, EventType> = new Map([
  ['SelfManagedKafka', selfManagedKafkaEvent],
  ['MSK', mskEvent],
  ['Kinesis', kinesisEvent],
])

/** The mappings and topics of a function's events. */
export function planEvents(
  resource: Resource,
  names: TemplateNames,
  functionName: string,
): Pick<Plan, 'mappings' | 'topics'> {
  const section = resource.properties.entries.get('Events')
  if (section === undefined) return { mappings: [], topics: [] }
  if (section.value.kind !== 'mapping') {
    const found = nameOf(section.value)
    names.findings.error(section.line, `${resource.logicalId}: Events: ${found} is not a mapping`)
    return { mappings: [], topics: [] }
  }
  const plans = [...section.value.entries].map(([name, entry]) =>
    planEvent(name, entry, { resource, names, functionName }),
  )
  return {
    mappings: plans.flatMap(({ mappings }) => mappings ?? []),
    topics: plans.flatMap(({ topics }) => topics ?? []),
  }
}

function planEvent(
  name: string,
  { line, value }: Entry,
  of: {
    readonly resource: Resource
    readonly names: TemplateNames
    readonly functionName: string
  },
): Partial<Plan> {
  const { names, resource, functionName } = of
  const subject = `${resource.logicalId}.Events.${name}`
  if (value.kind !== 'mapping') {
    names.findings.error(line, `${subject}: ${nameOf(value)} is not a mapping`)
    return {}
  }
  const typeEntry = value.entries.get('Type')
  const type = typeEntry === undefined ? undefined : resolve(typeEntry.value, names)
  if (type?.kind !== 'text') {
    names.findings.error(typeEntry?.line ?? line, `${subject}: Type is missing`)
    return {}
  }
  const plan = eventTypes.get(type.text)
  if (plan === undefined) {
    names.findings.warn(type.line, `${subject}: events of type ${type.text} are not supported`)
    return {}
  }
  const properties = value.entries.get('Properties')?.value ?? emptyMapping(line)
  if (properties.kind !== 'mapping') {
    names.findings.error(properties.line, `${subject}: Properties is not a mapping`)
    return {}
  }
  const logicalId = `${resource.logicalId}${name}`
  return plan({ logicalId, line, subject, functionName, properties }, names)
}
