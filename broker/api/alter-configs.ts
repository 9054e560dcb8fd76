// AlterConfigs (key 33), versions 0 to 2, and IncrementalAlterConfigs (key 44), 0 and 1: change configurations.
//
// The first replaces all that a resource has, the second changes what it names. A resource changes as a whole or not at
// all: durable, and in effect on running partitions, when answered. Loggers, groups and client metrics cannot be altered.
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import { configOperations } from '../../protocol/messages/incremental-alter-configs.ts'
import { InvalidConfigError, listOf, type ConfigRule } from '../log/config-value.ts'
import { topicConfigs } from '../log/topic-config-table.ts'
import { parseTopicConfig, topicConfigDefinition, type Configs } from '../log/topic-config.ts'
import { topicNameFlaw, UnknownTopicError } from '../log/topic.ts'
import { brokerConfigs } from './broker-config-table.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import { resourceTypes } from './config-entries.ts'
import { levelOf } from './describe-configs.ts'
import { attempt, duplicates, refuse, type TopicRefusal } from './topic-outcome.ts'

type Operation = RequestOf<'IncrementalAlterConfigs'>['resources'][number]['configs'][number]
type Responses = ResponseOf<'AlterConfigs'>['responses']
type Outcome = TopicRefusal | undefined

/** A resource of either request; `change` throws InvalidConfigError. */
interface Wanted {
  readonly resourceType: number
  readonly resourceName: string
  readonly flaw: Outcome
  change(configs: Configs): Configs
}

export const alterConfigs: Handler<'AlterConfigs'> = async (broker, request, call) => {
  const wanted = request.resources.map(({ configs, ...resource }) => {
    const flaw = namesFlaw(configs.map(({ name }) => name)) ?? nullsFlaw(configs)
    const change = (): Configs =>
      Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']))
    return { ...resource, flaw, change }
  })
  return { responses: await alterAll(broker, { wanted, ...request }, call) }
}

export const incrementalAlterConfigs: Handler<'IncrementalAlterConfigs'> = async (
  broker,
  request,
  call,
) => {
  const wanted = request.resources.map(({ configs, ...resource }) => {
    const flaw = namesFlaw(configs.map(({ name }) => name)) ?? operationsFlaw(configs)
    const scope = scopeOf(broker, resource.resourceType)
    const change = (before: Configs): Configs => applyAll(before, configs, scope)
    return { ...resource, flaw, change }
  })
  return { responses: await alterAll(broker, { wanted, ...request }, call) }
}

function namesFlaw(names: readonly string[]): Outcome {
  return duplicates(names).size > 0
    ? refuse('INVALID_REQUEST', 'Error due to duplicate config keys')
    : undefined
}

function nullsFlaw(configs: readonly { name: string; value: string | null }[]): Outcome {
  const nulls = configs.filter(({ value }) => value === null).map(({ name }) => name)
  return nulls.length > 0
    ? refuse('INVALID_REQUEST', `Null value not supported for : ${nulls.join(', ')}`)
    : undefined
}

function operationsFlaw(configs: readonly Operation[]): Outcome {
  const known: readonly number[] = Object.values(configOperations)
  const unknown = configs.find(({ configOperation }) => !known.includes(configOperation))
  if (unknown !== undefined) {
    return refuse('INVALID_REQUEST', `Unknown operations type ${unknown.configOperation}`)
  }
  return nullsFlaw(configs.filter((c) => c.configOperation !== configOperations.DELETE))
}

async function alterAll(
  broker: BrokerContext,
  { wanted, validateOnly }: { wanted: readonly Wanted[]; validateOnly: boolean },
  call: Call,
): Promise<Responses> {
  const keyOf = ({ resourceType, resourceName }: Wanted): string =>
    `${resourceType} ${resourceName}`
  const twice = duplicates(wanted.map(keyOf))
  const responses = []
  for (const resource of wanted) {
    const outcome = twice.has(keyOf(resource))
      ? refuse('INVALID_REQUEST', 'Each resource must appear at most once.')
      : (resource.flaw ?? (await alter(broker, resource, validateOnly)))
    responses.push({
      errorCode: call.code(outcome?.error ?? 'NONE'),
      errorMessage: outcome?.message ?? null,
      resourceType: resource.resourceType,
      resourceName: resource.resourceName,
    })
  }
  return responses
}

async function alter(
  broker: BrokerContext,
  resource: Wanted,
  validateOnly: boolean,
): Promise<Outcome> {
  const { resourceType, resourceName } = resource
  switch (resourceType) {
    case resourceTypes.TOPIC:
      return alterTopic(broker, resource, validateOnly)
    case resourceTypes.BROKER:
      return (
        brokerFlaw(resourceName, broker.identity.nodeId) ??
        alterBroker(broker, resource, validateOnly)
      )
    default:
      return refuse('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
  }
}

function brokerFlaw(resourceName: string, nodeId: number): Outcome {
  if (resourceName === '' || resourceName === String(nodeId)) return undefined
  if (!/^-?\d+$/.test(resourceName)) {
    return refuse('INVALID_REQUEST', `Node id must be an integer, but it is: ${resourceName}`)
  }
  return refuse(
    'INVALID_REQUEST',
    `Unexpected broker id, expected ${nodeId}, but received ${resourceName}`,
  )
}

async function alterTopic(
  broker: BrokerContext,
  { resourceName: name, change }: Wanted,
  validateOnly: boolean,
): Promise<Outcome> {
  const flaw = topicNameFlaw(name)
  if (flaw !== undefined) return refuse('INVALID_TOPIC_EXCEPTION', flaw)
  const topic = broker.store.topic(name)
  // With a retention of its own the broker would forget what groups have committed.
  if (topic?.internal === true) {
    return refuse('INVALID_TOPIC_EXCEPTION', `'${name}' is the broker's own and stays as it is.`)
  }
  const outcome = await attempt(broker, async () => {
    if (topic === undefined) throw new UnknownTopicError(name)
    if (!validateOnly) return broker.store.configureTopic(name, change)
    return parseTopicConfig(change(topic.configs), broker.configs.topicDefaults)
  })
  if ('error' in outcome) return outcome
  if (!validateOnly) broker.logger.info('topic configured', { topic: name })
  return undefined
}

async function alterBroker(
  broker: BrokerContext,
  { resourceName, change }: Wanted,
  validateOnly: boolean,
): Promise<Outcome> {
  const level = levelOf(resourceName)
  const outcome = await attempt(broker, async () => {
    await broker.configs.alter(level, change, { validateOnly })
    return {}
  })
  if ('error' in outcome) {
    // Kafka says so of brokers alone (KAFKA-13609).
    const isInvalid = outcome.error === 'INVALID_CONFIG'
    return isInvalid ? refuse('INVALID_REQUEST', outcome.message) : outcome
  }
  if (!validateOnly) broker.logger.info('broker configured', { level })
  return undefined
}

/** What the names of one type of resource stand for. */
interface Scope {
  rule(name: string): ConfigRule | undefined
  /** What holds while the resource itself says nothing. */
  fallback(name: string): string
}

function scopeOf({ configs }: BrokerContext, resourceType: number): Scope {
  if (resourceType === resourceTypes.TOPIC) {
    return {
      rule: topicConfigDefinition,
      fallback: (name) => configs.topicDefaults[name] ?? topicConfigs[name]?.default ?? '',
    }
  }
  return {
    rule: (name) => brokerConfigs.get(name),
    fallback: (name) => configs.valuesOf(name)[0]?.value ?? '',
  }
}

function applyAll(before: Configs, operations: readonly Operation[], scope: Scope): Configs {
  const configs = new Map(Object.entries(before))
  for (const operation of operations) {
    const { name, value } = operation
    if (operation.configOperation === configOperations.DELETE) configs.delete(name)
    else if (operation.configOperation === configOperations.SET) configs.set(name, value ?? '')
    else configs.set(name, withList(configs.get(name), operation, scope))
  }
  return Object.fromEntries(configs)
}

function withList(
  current: string | undefined,
  { name, value, configOperation }: Operation,
  scope: Scope,
): string {
  const isAppend = configOperation === configOperations.APPEND
  if (scope.rule(name)?.type !== 'list') {
    const operation = isAppend ? 'APPEND' : 'SUBTRACT'
    throw new InvalidConfigError(`Can't ${operation} to key ${name} because its type is not LIST.`)
  }
  const before = listOf(current ?? scope.fallback(name))
  const named = listOf(value ?? '')
  const after = isAppend
    ? [...before, ...named.filter((part) => !before.includes(part))]
    : before.filter((part) => !named.includes(part))
  return after.join(',')
}
