// What a template's mapping says of its consumer group and its schema registry, as members of the Lambda API.
import { schemaAttributes, schemaFormats } from '../registry/registry.ts'
import type { TemplateNames } from './names.ts'
import type { MappingInput } from './plan.ts'
import * as read from './readers.ts'
import type { Mapping } from './tree.ts'

/** Of an event these are properties of its own, of a resource those of `…KafkaEventSourceConfig`. */
export const kafkaConfigReaders = {
  ConsumerGroupId: read.text,
  SchemaRegistryConfig: read.object({
    SchemaRegistryURI: read.text,
    EventRecordFormat: read.oneOf(...schemaFormats),
    AccessConfigs: read.list(read.object({ Type: read.text, URI: read.text })),
    SchemaValidationConfigs: read.list(read.object({ Attribute: read.oneOf(...schemaAttributes) })),
  }),
} as const satisfies read.Readers

export type KafkaConfigValues = read.ValuesOf<typeof kafkaConfigReaders>
type KafkaConfig = NonNullable<MappingInput['SelfManagedKafkaEventSourceConfig']>

/** Where the configuration is declared, for sentences about it. */
interface Declared {
  readonly properties: Mapping
  readonly line: number
  readonly subject: string
  /** The property that has it, which is on the line that sentences name. */
  readonly property: string
}

/** Undefined where nothing is said. The Lambda API decides whether a registry is one. */
export function kafkaConfigInput(
  { ConsumerGroupId, SchemaRegistryConfig: registry }: KafkaConfigValues,
  declared: Declared,
  names: TemplateNames,
): KafkaConfig | undefined {
  const SchemaRegistryConfig =
    registry === undefined ? undefined : registryInput(registry, declared, names)
  if (ConsumerGroupId === undefined && SchemaRegistryConfig === undefined) return undefined
  return {
    ...(ConsumerGroupId === undefined ? {} : { ConsumerGroupId }),
    ...(SchemaRegistryConfig === undefined ? {} : { SchemaRegistryConfig }),
  }
}

/** One that the template only declares is nowhere: the mapping goes without it, and that is said. */
function registryInput(
  registry: NonNullable<KafkaConfigValues['SchemaRegistryConfig']>,
  { properties, line, subject, property }: Declared,
  names: TemplateNames,
): KafkaConfig['SchemaRegistryConfig'] {
  const at = properties.entries.get(property)?.line ?? line
  const { SchemaRegistryURI: uri = '', AccessConfigs = [] } = registry
  if (names.isStandIn(uri)) {
    const what = 'nothing makes the schema registry'
    names.findings.warn(at, `${subject}: ${what}: the mapping goes without SchemaRegistryConfig`)
    return undefined
  }
  const ways = AccessConfigs.flatMap(({ Type = '', URI = '' }) => {
    if (!names.isStandIn(URI)) return [{ Type, URI }]
    const what = `nothing makes the secret of ${Type}`
    names.findings.warn(at, `${subject}: ${what}: the schema registry is reached without it`)
    return []
  })
  const { AccessConfigs: _, ...rest } = registry
  return { ...rest, ...(ways.length === 0 ? {} : { AccessConfigs: ways }) }
}
