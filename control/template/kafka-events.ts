// Events of type SelfManagedKafka and MSK: a mapping from one topic to the function they stand in.
import type { EventType } from './events.ts'
import { kafkaConfigInput, kafkaConfigReaders } from './kafka-config.ts'
import { commonInput, kafkaReaders, planMapping, warnOfProperty } from './kafka-mapping.ts'
import type { TopicMappingInput } from './plan.ts'
import * as read from './readers.ts'

const eventReaders = {
  ...kafkaReaders,
  ...kafkaConfigReaders,
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
  if (values.ConsumptionMode !== undefined) warnOfProperty('ConsumptionMode', event, names)
  const config = kafkaConfigInput(values, { ...event, property: 'SchemaRegistryConfig' }, names)
  if (servers === undefined || common === undefined) return {}
  const input: TopicMappingInput = {
    ...common,
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: servers } },
    ...(config === undefined ? {} : { SelfManagedKafkaEventSourceConfig: config }),
  }
  return planMapping(event, input)
}

export const mskEvent: EventType = (event, names) => {
  const values = read.readProperties(event.properties, mskProperties, { ...event, names })
  const common = commonInput(values, event, names)
  const config = kafkaConfigInput(values, { ...event, property: 'SchemaRegistryConfig' }, names)
  if (values.Stream === undefined || common === undefined) return {}
  const input: TopicMappingInput = {
    ...common,
    EventSourceArn: values.Stream,
    ...(config === undefined ? {} : { AmazonManagedKafkaEventSourceConfig: config }),
  }
  return planMapping(event, input)
}
