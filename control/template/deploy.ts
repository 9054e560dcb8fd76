// Deploys a template: reads the file, then brings its topics, streams, functions and mappings about.
import { join } from 'node:path'
import type { BrokerAccess } from '../../common/broker-access.ts'
import { systemClock, type Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { EndpointSettings } from '../../kinesis-client/endpoint.ts'
import { LambdaApiError } from '../lambda/api-errors.ts'
import {
  deployFunction,
  deployReservations,
  type Action,
  type FunctionDeployer,
} from './deploy-functions.ts'
import { deployAlias } from './deploy-aliases.ts'
import { deployEventInvoke } from './deploy-event-invoke.ts'
import { deployMapping, type MappingDeployer } from './deploy-mappings.ts'
import { DeployedStore, type Deployed } from './deployed.ts'
import { formatFinding } from './findings.ts'
import { parseParameterOverrides } from './parameters.ts'
import type { Plan, PlannedStream, PlannedTopic } from './plan.ts'
import { preflight } from './preflight.ts'
import { KinesisStreams, type StreamCreator } from './streams.ts'
import { withConsumers } from './deploy-consumers.ts'
import { findTemplate, readTemplate } from './template-file.ts'
import { loadTemplate } from './template.ts'
import { KafkaTopics, type TopicCreator, type TopicOutcome } from './topics.ts'

export interface DeployOptions {
  /** A template, or a directory with a `template.yaml`, `.yml` or `.json`. */
  readonly path: string
  /** `Name=value` for the template's Parameters. */
  readonly parameterOverrides: readonly string[]
  readonly region: string
  readonly accountId: string
  /** For inline code, and the memory of what was deployed. */
  readonly dataDir: string
  /** The platform's own cluster. */
  readonly brokers: readonly string[]
  /** How to get into it. */
  readonly access?: BrokerAccess
  readonly functions: FunctionDeployer
  readonly mappings: MappingDeployer
  readonly logger: Logger
  /** Where streams are made. */
  readonly kinesis: EndpointSettings
  /** By that API, unless given. */
  readonly streams?: StreamCreator
  /** kafkajs's on `brokers`, and the machine's, unless given. */
  readonly topics?: TopicCreator
  readonly clock?: Clock
}

/** `left` was deployed by an earlier state of the template, and is not in it any more. */
export interface DeployedItem {
  readonly kind: 'topic' | 'stream' | 'consumer' | 'function' | 'mapping'
  readonly name: string
  readonly action: Action | 'left'
}

export interface DeployReport {
  readonly file: string
  readonly items: readonly DeployedItem[]
  /** With file and line where they are about one. */
  readonly warnings: readonly string[]
}

/** A template as it was read: sound, but not deployed. */
export interface ReadTemplate {
  readonly file: string
  readonly plan: Plan
  readonly warnings: readonly string[]
}

/**
 * Reads a template and logs its warnings. Rejects with AppError TEMPLATE_INVALID for its first error,
 * after logging the others; with CONFIG_INVALID where there is none.
 */
export async function readPlan(options: DeployOptions): Promise<ReadTemplate> {
  const file = await findTemplate(options.path)
  const { plan, warnings, errors } = loadTemplate(await readTemplate(file), {
    file,
    parameters: parseParameterOverrides(options.parameterOverrides),
    region: options.region,
    accountId: options.accountId,
  })
  for (const warning of warnings) options.logger.warn(formatFinding(warning))
  const [first, ...others] = errors
  for (const error of others) options.logger.error(formatFinding(error))
  if (first !== undefined) throw invalid(first.file, first.line, first.message)
  return { file, plan, warnings: warnings.map(formatFinding) }
}

/**
 * Idempotent: what is there and equal is left alone. Nothing is ever deleted. Warnings and what was
 * done are logged as well. Rejects with AppError TEMPLATE_INVALID for what the Lambda API refuses,
 * before anything is changed where that can be told; with TEMPLATE_WAITS for a mapping that no poller
 * has taken up yet; with BROKER_UNREACHABLE for the platform's own cluster; with KINESIS_UNREACHABLE; with STORAGE_FAILED.
 */
export async function deployPlan(
  { file, plan, warnings }: ReadTemplate,
  options: DeployOptions,
): Promise<DeployReport> {
  const [refusal, ...others] = await preflight(plan, options)
  for (const { line, message } of others) {
    options.logger.error(formatFinding({ file, line, message }))
  }
  if (refusal !== undefined) throw invalid(file, refusal.line, refusal.message)
  const deployment = new Deployment(options, file)
  await deployment.run(plan)
  return { file, items: deployment.items, warnings: [...warnings, ...deployment.warnings] }
}

/** Reads and deploys a template once. */
export async function deployTemplate(options: DeployOptions): Promise<DeployReport> {
  return deployPlan(await readPlan(options), options)
}

class Deployment {
  readonly items: DeployedItem[] = []
  readonly warnings: string[] = []
  readonly #options: DeployOptions
  readonly #file: string

  constructor(options: DeployOptions, file: string) {
    this.#options = options
    this.#file = file
  }

  async run(planned: Plan): Promise<void> {
    const store = new DeployedStore(this.#options.dataDir, this.#file)
    const before = await store.read()
    await this.#ensureTopics(planned.topics)
    for (const stream of planned.streams) await this.#ensureStream(stream)
    const plan = withConsumers(planned, await this.#registerConsumers(planned))
    const functions = await this.#deployFunctions(plan)
    const mappings = await this.#deployMappings(plan)
    const left = this.#leftOf(before, { functions, mappings })
    // What is left is remembered too, so that it is named until somebody deletes it.
    await store.write({
      functions: [...functions, ...left.functions],
      mappings: [...mappings, ...left.mappings],
    })
  }

  async #ensureTopics(topics: readonly PlannedTopic[]): Promise<void> {
    const { brokers, access, logger } = this.#options
    if (topics.length === 0) return
    const creator = this.#options.topics ?? new KafkaTopics({ brokers, access, logger })
    try {
      for (const topic of topics) await this.#ensureTopic(topic, creator)
    } finally {
      await creator.close()
    }
  }

  async #ensureTopic(topic: PlannedTopic, creator: TopicCreator): Promise<void> {
    const { name, line } = topic
    const isOwn = topic.bootstrapServers === undefined
    const outcome = await ensure(topic, creator, isOwn)
    if (outcome.action !== 'refused') {
      this.#done('topic', name, outcome.action)
      for (const warning of outcome.warnings) this.#warn(line, warning)
      return
    }
    if (isOwn) throw invalid(this.#file, line, `topic ${name}: ${outcome.reason}`)
    this.#warn(line, `topic ${name} was not created: ${outcome.reason}`)
  }

  get #streams(): StreamCreator {
    const { kinesis, clock = systemClock, streams } = this.#options
    return streams ?? new KinesisStreams(kinesis, clock)
  }

  async #registerConsumers({ consumers }: Plan): Promise<ReadonlyMap<string, string>> {
    const arns = new Map<string, string>()
    for (const consumer of consumers) {
      const { name, line, plannedArn } = consumer
      const outcome = await this.#streams.register(consumer)
      if (outcome.action === 'refused') {
        throw invalid(this.#file, line, `consumer ${name}: ${outcome.reason}`)
      }
      this.#done('consumer', name, outcome.action)
      arns.set(plannedArn, outcome.arn)
    }
    return arns
  }

  async #ensureStream(stream: PlannedStream): Promise<void> {
    const { name, line } = stream
    const outcome = await this.#streams.ensure(stream)
    if (outcome.action === 'refused') {
      throw invalid(this.#file, line, `stream ${name}: ${outcome.reason}`)
    }
    this.#done('stream', name, outcome.action)
    for (const warning of outcome.warnings) this.#warn(line, warning)
  }

  async #deployFunctions({ functions }: Plan): Promise<readonly string[]> {
    const inlineDir = join(this.#options.dataDir, 'inline')
    const actions: Action[] = []
    for (const planned of functions) {
      const outcome = await deployFunction(planned, this.#options.functions, inlineDir)
      const name = planned.configuration.FunctionName
      if (outcome instanceof LambdaApiError) {
        throw invalid(this.#file, planned.line, `function ${name}: ${outcome.message}`)
      }
      actions.push(outcome)
    }
    const reserved = await deployReservations(functions, this.#options.functions)
    if (reserved instanceof LambdaApiError) {
      throw invalid(this.#file, functions[0]?.line ?? 1, reserved.message)
    }
    const changed = new Set(reserved)
    for (const planned of functions) {
      const name = planned.configuration.FunctionName
      for (const step of [deployAlias, deployEventInvoke]) {
        const outcome = await step(planned, this.#options.functions)
        if (outcome instanceof LambdaApiError) {
          throw invalid(this.#file, planned.line, `function ${name}: ${outcome.message}`)
        }
        if (outcome) changed.add(name)
      }
    }
    const names = functions.map(({ configuration }) => configuration.FunctionName)
    for (const [i, name] of names.entries()) {
      const action = actions[i] ?? 'unchanged'
      this.#done('function', name, action === 'unchanged' && changed.has(name) ? 'updated' : action)
    }
    return names
  }

  async #deployMappings({ mappings }: Plan): Promise<Deployed['mappings']> {
    const { clock = systemClock } = this.#options
    const deployed: { uuid: string; logicalId: string }[] = []
    for (const planned of mappings) {
      const { line, logicalId } = planned
      const outcome = await deployMapping(planned, this.#options.mappings, clock)
      if (outcome instanceof LambdaApiError) {
        const reason = `mapping ${logicalId}: ${outcome.message}`
        if (outcome.code !== 'ResourceInUseException') throw invalid(this.#file, line, reason)
        throw new AppError('TEMPLATE_WAITS', { file: this.#file, line, reason })
      }
      this.#done('mapping', logicalId, outcome.action)
      for (const warning of outcome.warnings) this.#warn(line, warning)
      deployed.push({ uuid: outcome.uuid, logicalId })
    }
    return deployed
  }

  #leftOf(before: Deployed, now: Deployed): Deployed {
    const { functions, mappings } = this.#options
    const left = {
      functions: before.functions.filter(
        (name) => !now.functions.includes(name) && !(functions.get(name) instanceof LambdaApiError),
      ),
      mappings: before.mappings.filter(
        ({ uuid }) =>
          now.mappings.every((mapping) => mapping.uuid !== uuid) &&
          !(mappings.get(uuid) instanceof LambdaApiError),
      ),
    }
    for (const name of left.functions) this.#done('function', name, 'left')
    for (const { logicalId } of left.mappings) this.#done('mapping', logicalId, 'left')
    return left
  }

  #done(kind: DeployedItem['kind'], name: string, action: DeployedItem['action']): void {
    this.items.push({ kind, name, action })
    const { logger } = this.#options
    if (action === 'left') logger.warn(`not in the template any more, and left`, { kind, name })
    else if (action === 'unchanged') logger.debug(`${kind} unchanged`, { name })
    else logger.info(`${kind} ${action}`, { name })
  }

  #warn(line: number, message: string): void {
    const warning = formatFinding({ file: this.#file, line, message })
    this.warnings.push(warning)
    this.#options.logger.warn(warning)
  }
}

/** Somebody else's cluster may be down: its mapping finds out for itself, so that is a refusal. */
async function ensure(
  topic: PlannedTopic,
  creator: TopicCreator,
  isOwn: boolean,
): Promise<TopicOutcome> {
  try {
    return await creator.ensure(topic)
  } catch (error) {
    if (isOwn || !(error instanceof AppError)) throw error
    return { action: 'refused', reason: error.message }
  }
}

function invalid(file: string, line: number, reason: string): AppError {
  return new AppError('TEMPLATE_INVALID', { file, line, reason })
}
