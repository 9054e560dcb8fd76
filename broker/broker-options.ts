// What the broker takes of the platform's configuration, by its own names.
import type { Config } from '../common/config.ts'
import type { BrokerOptions } from './broker.ts'

export function brokerOptionsOf(config: Config): BrokerOptions {
  return {
    ...config,
    port: config.kafkaPort,
    advertised: config.kafkaAdvertised,
    listeners: config.kafkaListeners,
    protocol: config.kafkaSecurity,
    flushIntervalMs: config.flushInterval,
    groupInitialRebalanceDelayMs: config.groupInitialRebalanceDelay,
  }
}
