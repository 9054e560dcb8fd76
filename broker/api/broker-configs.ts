// The broker's configuration as clients see and change it: as it was started, and as it was set since, durably.
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { checkConfig, InvalidConfigError } from '../log/config-value.ts'
import { isMissing, replaceFile, type FileSystem } from '../log/file-system.ts'
import type { LogStore } from '../log/log-store.ts'
import type { Configs } from '../log/topic-config.ts'
import { brokerConfigs, type BrokerConfigDefinition } from './broker-config-table.ts'
import { configSources, type ConfigEntry, type SourcedValue } from './config-entries.ts'
import { Turns } from './turns.ts'

/** Set for the whole cluster, or for this broker, which wins (KIP-226). */
export type ConfigLevel = 'cluster' | 'broker'

export interface BrokerConfigsOptions {
  readonly files: FileSystem
  readonly directory: string
  readonly store: LogStore
  /** By Kafka's names of the broker's configurations. */
  readonly started: Configs
}

type Levels = { readonly [Level in ConfigLevel]: Configs }

/** Invariant: what the file holds is what topics have as their defaults. */
export class BrokerConfigs {
  readonly #options: BrokerConfigsOptions
  readonly #turns = new Turns()
  #levels: Levels

  private constructor(options: BrokerConfigsOptions, levels: Levels) {
    this.#options = options
    this.#levels = levels
  }

  /** Rejects with AppError LOG_CORRUPT where the file does not hold configurations, or STORAGE_FAILED. */
  static async open(options: BrokerConfigsOptions): Promise<BrokerConfigs> {
    const configs = new BrokerConfigs(options, await readLevels(options))
    await options.store.setDefaults(configs.topicDefaults)
    return configs
  }

  /** What topics have that do not say otherwise, by Kafka's key of a topic. */
  get topicDefaults(): Configs {
    return this.#topicDefaults(this.#levels)
  }

  /** What was set at a level. */
  at(level: ConfigLevel): Configs {
    return this.#levels[level]
  }

  /** All values that a configuration has, the first of which holds. */
  valuesOf(name: string): readonly SourcedValue[] {
    const definition = brokerConfigs.get(name)
    if (definition === undefined) return []
    const { broker, cluster } = this.#levels
    const { DYNAMIC_BROKER, DYNAMIC_DEFAULT_BROKER, STATIC_BROKER, DEFAULT } = configSources
    const started = this.#options.started[name]
    const values = [
      { name, value: broker[name], source: DYNAMIC_BROKER },
      { name, value: cluster[name], source: DYNAMIC_DEFAULT_BROKER },
      // A setting that nobody touched is not one: topics' defaults are Kafka's unless told.
      { name, value: started === definition.default ? undefined : started, source: STATIC_BROKER },
      {
        name,
        value: definition.isUnset === true ? undefined : definition.default,
        source: DEFAULT,
      },
    ]
    return values.flatMap(({ value, ...rest }) => (value === undefined ? [] : [{ ...rest, value }]))
  }

  /** The broker's configurations; of the cluster only those that were set for it. */
  entries(level: ConfigLevel): readonly ConfigEntry[] {
    return [...brokerConfigs].flatMap(([name, rule]) => {
      const all = this.valuesOf(name)
      const isOfCluster = ({ source }: SourcedValue): boolean =>
        source === configSources.DYNAMIC_DEFAULT_BROKER
      const synonyms = level === 'cluster' ? all.filter(isOfCluster) : all
      if (level === 'cluster' && synonyms.length === 0) return []
      const holds = synonyms[0] ?? { name, value: null, source: configSources.DEFAULT }
      const { documentation, dynamic } = rule
      return [{ ...holds, readOnly: !dynamic, synonyms, rule, documentation }]
    })
  }

  /**
   * Sets what `change` makes of a level's configurations: durable and in effect when it resolves. Rejects with
   * InvalidConfigError, with what `change` throws, or with AppError STORAGE_FAILED.
   */
  alter(
    level: ConfigLevel,
    change: (configs: Configs) => Configs,
    { validateOnly }: { readonly validateOnly: boolean },
  ): Promise<void> {
    return this.#turns.take(async () => {
      const changed = checkBrokerConfigs(change(this.#levels[level]))
      if (validateOnly) return
      const levels = { ...this.#levels, [level]: changed }
      // The store first: should the topics not bear the defaults, nothing was written.
      await this.#options.store.setDefaults(this.#topicDefaults(levels))
      try {
        await replaceFile(this.#options.files, pathIn(this.#options), encodeLevels(levels))
      } catch (error) {
        await this.#options.store.setDefaults(this.topicDefaults)
        throw error
      }
      this.#levels = levels
    })
  }

  #topicDefaults({ broker, cluster }: Levels): Configs {
    const set = { ...this.#options.started, ...cluster, ...broker }
    const ofTopics = Object.entries(set).flatMap(([name, text]) => {
      const topicConfig = brokerConfigs.get(name)?.topicConfig
      return topicConfig === undefined ? [] : [[topicConfig, text] as const]
    })
    return Object.fromEntries(ofTopics)
  }
}

/** The texts as Kafka would show them. Throws InvalidConfigError. */
function checkBrokerConfigs(configs: Configs): Configs {
  const fixed = Object.keys(configs).filter((name) => brokerConfigs.get(name)?.dynamic === false)
  if (fixed.length > 0) {
    throw new InvalidConfigError(`Cannot update these configs dynamically: [${fixed.join(', ')}]`)
  }
  const checked = Object.entries(configs).map(([name, text]) => {
    const definition: BrokerConfigDefinition | undefined = brokerConfigs.get(name)
    if (definition === undefined) {
      throw new InvalidConfigError(`Unknown broker config name: ${name}`)
    }
    return [name, checkConfig(name, text, definition)] as const
  })
  return Object.fromEntries(checked)
}

function pathIn({ directory }: BrokerConfigsOptions): string {
  return join(directory, 'configs.json')
}

function encodeLevels(levels: Levels): Buffer {
  return Buffer.from(`${JSON.stringify(levels, undefined, 2)}\n`)
}

async function readLevels(options: BrokerConfigsOptions): Promise<Levels> {
  const file = pathIn(options)
  try {
    return parseLevels((await options.files.readFile(file)).toString())
  } catch (error) {
    if (isMissing(error)) return { broker: {}, cluster: {} }
    if (!(error instanceof SyntaxError) && !(error instanceof InvalidConfigError)) throw error
    throw new AppError('LOG_CORRUPT', { file, position: 0, reason: error.message }, error)
  }
}

/** Throws SyntaxError or InvalidConfigError. */
function parseLevels(text: string): Levels {
  const value: unknown = JSON.parse(text)
  const levels = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const at = (level: ConfigLevel): Configs => {
    const configs: unknown = levels.find(([name]) => name === level)?.[1]
    const isSound =
      typeof configs === 'object' &&
      configs !== null &&
      Object.values(configs).every((config) => typeof config === 'string')
    if (!isSound) throw new SyntaxError(`it does not tell the configurations of the ${level}`)
    return checkBrokerConfigs(configs as Configs)
  }
  return { broker: at('broker'), cluster: at('cluster') }
}
