// One configuration as DescribeConfigs and CreateTopics show it: its value, and where that comes from.
import type { ConfigRule, ConfigType } from '../log/config-value.ts'
import { topicConfigs } from '../log/topic-config-table.ts'
import { checkTopicConfigs, topicConfigDefinition, type Configs } from '../log/topic-config.ts'

/** Kafka's ids of config resources. */
export const resourceTypes = { TOPIC: 2, BROKER: 4 } as const

/** Kafka's ids of what a value comes from, from the strongest to the weakest. */
export const configSources = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
} as const

export type ConfigSource = (typeof configSources)[keyof typeof configSources]

export interface SourcedValue {
  readonly name: string
  readonly value: string
  readonly source: ConfigSource
}

/** `synonyms` are all values that there are for it, the first of which holds. */
export interface ConfigEntry {
  readonly name: string
  /** Null where nothing is set and there is no default. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly synonyms: readonly SourcedValue[]
  readonly rule: ConfigRule
  readonly documentation: string
}

/** Kafka's ids of types. */
export const configTypeIds: { readonly [Type in ConfigType]: number } = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
}

/**
 * All configurations of a topic, by name; `own` are those that were set for it. `brokerValues` gives the values that
 * a configuration of the broker has.
 */
export function topicEntries(
  own: Configs,
  brokerValues: (name: string) => readonly SourcedValue[],
): readonly ConfigEntry[] {
  const checked = checkTopicConfigs(own)
  const names = new Set([...Object.keys(topicConfigs), ...Object.keys(checked)])
  return [...names].toSorted().flatMap((name) => {
    const definition = topicConfigDefinition(name)
    if (definition === undefined) return []
    const { synonym, documentation } = definition
    const value = checked[name]
    const ownValue = value === undefined ? [] : [{ name, value, source: configSources.TOPIC }]
    const synonyms = [...ownValue, ...(synonym === undefined ? [] : brokerValues(synonym))]
    const fallback = { name, value: definition.default, source: configSources.DEFAULT }
    const { value: shown, source } = synonyms[0] ?? fallback
    return [
      { name, value: shown, source, readOnly: false, synonyms, rule: definition, documentation },
    ]
  })
}
