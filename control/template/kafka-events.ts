// Events of type SelfManagedKafka and MSK: a mapping from one topic to the function they stand in.
import type { EventType } from './events.ts'
import { commonInput, kafkaReaders, planMapping, warnOfProperty } from './kafka-mapping.ts'
import type { TopicMappingInput } from './plan.ts'
import * as read from './readers.ts'

const eventReaders = {
  ...kafkaReaders,
  ConsumerGroupId: read.text,
  SchemaRegistryConfig: read.anything,
} as const satisfies read.Readers

const selfManagedProperties = {
  read: {
    ...eventReaders,
    KafkaBootstrapServers: read.list(read.text),
    ConsumptionMode: read.text,
  },
  // SAM asks for SourceAccessConfigurations as well; a cluster on one's own machine has none.
  required: ['KafkaBootstrapServers', 'Topics'],
} as const satisfies read.PropertyTable<read.Readers>

const mskProperties = {
  read: { ...eventReaders, Stream: read.text },
  required: ['Stream', 'StartingPosition', 'Topics'],
} as const satisfies read.PropertyTable<read.Readers>

export const selfManagedKafkaEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, selfManagedProperties, { ...event, names })
  const servers = values.KafkaBootstrapServers
  const common = commonInput(values, event, names)
  for (const name of ['ConsumptionMode', 'SchemaRegistryConfig'] as const) {
    if (values[name] !== undefined) warnOfProperty(name, event, names)
  }
  if (servers === undefined || common === undefined) return {}
  const group = values.ConsumerGroupId
  const input: TopicMappingInput = {
    ...common,
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
    ...(group === undefined
      ? {}
      : { SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: group } }),
  }
  return planMapping(event, input)
}

export const mskEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, mskProperties, { ...event, names })
  const common = commonInput(values, event, names)
  if (values.SchemaRegistryConfig !== undefined)
    warnOfProperty('SchemaRegistryConfig', event, names)
  if (values.Stream === undefined || common === undefined) return {}
  const group = values.ConsumerGroupId
  const input: TopicMappingInput = {
    ...common,
    EventSourceArn: values.Stream,
    ...(group === undefined
      ? {}
      : { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: group } }),
  }
  return planMapping(event, input)
}
