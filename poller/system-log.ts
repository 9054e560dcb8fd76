// Writes what a mapping goes through into its function's log, from the level on that it asks for.
import { brokerFaults, type BrokerFault } from '../common/broker-fault.ts'
import type { Clock, Timer } from '../common/clock.ts'
import { offsetsLogIntervalMs } from '../common/mapping-limits.ts'
import { loggingOf } from '../control/registry/function-logging.ts'
import type { MappingRecord, Registry, SystemLogLevel } from '../control/registry/registry.ts'
import type { GroupWriter, WrittenStream } from '../function-logs/group-writer.ts'
import type { Partition } from './partition.ts'

/** What of `LogWriter` it needs. */
export interface SystemLogWriter {
  readonly acceptsMore: boolean
  group(name: string): Pick<GroupWriter, 'append'>
}

export interface SystemLogOptions {
  readonly record: MappingRecord
  readonly brokers: readonly string[]
  readonly registry: Pick<Registry, 'function'>
  /** Where functions' logs are kept; absent where none are. */
  readonly writer: SystemLogWriter | undefined
  readonly clock: Clock
}

type Fields = Readonly<Record<string, unknown>>

const severities: Readonly<Record<SystemLogLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2 }

/** The client's name of what AWS calls the type of access. */
const saslMechanisms: Readonly<Record<string, string>> = {
  BASIC_AUTH: 'PLAIN',
  SASL_SCRAM_256_AUTH: 'SCRAM-SHA-256',
  SASL_SCRAM_512_AUTH: 'SCRAM-SHA-512',
}

/**
 * Lambda's events of a Kafka mapping (its guide, "Kafka event source mapping logging"): a line of JSON
 * each, in a stream of the mapping's own for each day, in the group that its function logs to. What
 * of them is AWS's alone, such as addresses in its networks, is left out.
 */
export class SystemLog {
  readonly #options: SystemLogOptions
  #stream: WrittenStream | undefined
  #timer: Timer | undefined

  constructor(options: SystemLogOptions) {
    this.#options = options
  }

  /** From now on offsets are told once a minute, if that is asked for. Call `stop` afterwards. */
  start(partitions: () => Iterable<Partition>): void {
    if (!this.#takes('DEBUG')) return
    this.#timer = this.#options.clock.after(offsetsLogIntervalMs, () => {
      for (const partition of partitions()) this.#offsets(partition)
      this.start(partitions)
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /** A consumer has these partitions from now on. */
  assigned(partitions: readonly number[]): void {
    const { record, brokers } = this.#options
    const login = record.sourceAccess?.find(({ type }) => saslMechanisms[type] !== undefined)
    this.#write('INFO', 'POLLER_STATUS_EVENT', {
      kafkaEventSourceConnection: {
        brokerEndpoints: brokers.join(','),
        consumerId: `millrace-${record.uuid}`,
        topics: [record.topic],
        consumerGroupId: record.consumerGroupId,
        ...(login === undefined ? {} : { saslMechanism: saslMechanisms[login.type] }),
        assignedPartitionCount: partitions.length,
        assignedPartitions: partitions.map((partition) => `${record.topic}-${partition}`),
      },
    })
  }

  /** The topic cannot be read. */
  unreadable(errorMessage: string, fault: BrokerFault | undefined): void {
    this.failed(
      errorMessage,
      fault === undefined ? 'EVENT_SOURCE_ERROR' : brokerFaults[fault].reason,
    )
  }

  /** Something that the mapping does not do by itself failed: an invocation, a commit, a delivery. */
  failed(errorMessage: string, errorCode: string): void {
    this.#write('WARN', 'ESM_PROCESSING_EVENT', { error: { errorMessage, errorCode } })
  }

  #offsets(of: Partition): void {
    const { partition, endOffset, nextOffset, checkpoint, committedOffset } = of
    if (!of.assigned || nextOffset === undefined) return
    const { topic } = this.#options.record
    this.#write('DEBUG', 'KAFKA_STATUS_EVENT', {
      kafkaPartitionOffsets: {
        partition: `${topic}-${partition}`,
        endOffset,
        consumedOffset: nextOffset - 1,
        processedOffset: (checkpoint ?? nextOffset) - 1,
        committedOffset,
      },
    })
  }

  #takes(level: SystemLogLevel): boolean {
    const { writer, record } = this.#options
    const wanted = record.systemLogLevel
    return writer !== undefined && wanted !== undefined && severities[level] >= severities[wanted]
  }

  #write(logLevel: SystemLogLevel, eventType: string, fields: Fields): void {
    const { writer, record, clock } = this.#options
    if (writer === undefined || !this.#takes(logLevel)) return
    const timestamp = clock.now()
    const { eventSourceArn } = record
    const event = {
      eventType,
      timestamp,
      resourceArn: resourceArn(record),
      ...(eventSourceArn === undefined ? {} : { eventSourceArn }),
      eventProcessorId: `${record.uuid}/0`,
      logLevel,
      ...fields,
    }
    writer
      .group(this.#groupName)
      .append(this.#streamAt(timestamp), timestamp, JSON.stringify(event), writer.acceptsMore)
  }

  /** The function's, as it is now: it may have changed, or be gone. */
  get #groupName(): string {
    const { registry, record } = this.#options
    const target = registry.function(record.functionName)
    return target === undefined ? `/aws/lambda/${record.functionName}` : loggingOf(target).group
  }

  #streamAt(nowMs: number): WrittenStream {
    const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/')
    const name = `${day}/${this.#options.record.uuid}`
    if (this.#stream?.name !== name) {
      const lossNote: WrittenStream['lossNote'] = ({ events }) => `${events} events were dropped`
      this.#stream = { name, createdMs: nowMs, lossNote }
    }
    return this.#stream
  }
}

/** In the account and region of the function. */
function resourceArn({ functionArn, uuid }: MappingRecord): string {
  return `${functionArn.replace(/:function:.*$/, '')}:event-source-mapping:${uuid}`
}
