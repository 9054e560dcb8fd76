// DescribeConfigs (key 32), versions 0 to 4: the configurations of topics, and those of the broker that tools look at.
//
// A broker is asked for by its id, or by no name for what was set for the whole cluster. An empty list of keys asks
// for all, as null does. Nothing is sensitive: secrets are not configurations here. Not described: loggers, groups, client metrics.
import type { RequestOf, ResponseOf } from '../../protocol/apis.ts'
import { topicNameFlaw } from '../log/topic.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import {
  configSources,
  configTypeIds,
  resourceTypes,
  topicEntries,
  type ConfigEntry,
} from './config-entries.ts'
import { refuse, type TopicRefusal } from './topic-outcome.ts'

type Request = RequestOf<'DescribeConfigs'>
type Resource = Request['resources'][number]
type Result = ResponseOf<'DescribeConfigs'>['results'][number]

export const describeConfigs: Handler<'DescribeConfigs'> = (broker, request, call) => ({
  results: request.resources.map((resource) => describe(broker, { resource, request }, call)),
})

function describe(
  broker: BrokerContext,
  { resource, request }: { resource: Resource; request: Request },
  call: Call,
): Result {
  const { resourceType, resourceName, configurationKeys: keys } = resource
  const found = entriesOf(broker, resource)
  if ('error' in found) {
    const { error, message } = found
    const errorCode = call.code(error)
    return { errorCode, errorMessage: message, resourceType, resourceName, configs: [] }
  }
  const wanted = keys === null || keys.length === 0 ? undefined : new Set(keys)
  const configs = found
    .filter(({ name }) => wanted === undefined || wanted.has(name))
    .map(({ name, value, source, readOnly, synonyms, rule, documentation }) => ({
      name,
      value,
      readOnly,
      isDefault: source === configSources.DEFAULT,
      configSource: source,
      isSensitive: false,
      synonyms: request.includeSynonyms ? synonyms : [],
      configType: configTypeIds[rule.type],
      documentation: request.includeDocumentation ? documentation : null,
    }))
  return { errorCode: 0, errorMessage: '', resourceType, resourceName, configs }
}

function entriesOf(
  { store, configs, identity }: BrokerContext,
  { resourceType, resourceName }: Resource,
): readonly ConfigEntry[] | TopicRefusal {
  switch (resourceType) {
    case resourceTypes.TOPIC: {
      const flaw = topicNameFlaw(resourceName)
      if (flaw !== undefined) return refuse('INVALID_TOPIC_EXCEPTION', flaw)
      const topic = store.topic(resourceName)
      if (topic === undefined) {
        return refuse('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${resourceName}' does not exist.`)
      }
      return topicEntries(topic.configs, (name) => configs.valuesOf(name))
    }
    case resourceTypes.BROKER:
      return brokerFlaw(resourceName, identity.nodeId) ?? configs.entries(levelOf(resourceName))
    default:
      return refuse('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`)
  }
}

/** No name is the whole cluster's. */
export function levelOf(resourceName: string): 'broker' | 'cluster' {
  return resourceName === '' ? 'cluster' : 'broker'
}

function brokerFlaw(resourceName: string, nodeId: number): TopicRefusal | undefined {
  if (resourceName === '' || resourceName === String(nodeId)) return undefined
  if (!/^-?\d+$/.test(resourceName)) {
    return refuse('INVALID_REQUEST', `Broker id must be an integer, but it is: ${resourceName}`)
  }
  return refuse(
    'INVALID_REQUEST',
    `Unexpected broker id, expected ${nodeId} or empty string, but received ${resourceName}`,
  )
}
