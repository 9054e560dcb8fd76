// Says which mappings cannot be beside each other, in Lambda's words; pure.
import { sourceKindOf } from '../registry/mapping-source.ts'
import type { MappingRecord } from '../registry/registry.ts'
import { LambdaApiError } from './api-errors.ts'
import { pollerGroupConflict } from './provisioned-pollers.ts'

/** The same function on the same topic, a consumer group that another mapping has, a full poller group. */
export function mappingConflict(
  record: MappingRecord,
  all: readonly MappingRecord[],
): LambdaApiError | undefined {
  for (const other of all) {
    if (other.uuid === record.uuid) continue
    if (isDuplicate(record, other)) return duplicate(record, other)
    if (other.consumerGroupId === record.consumerGroupId) {
      return new LambdaApiError(
        'ResourceConflictException',
        `The consumer group ID ${record.consumerGroupId} is already in use by the event source ` +
          `mapping with UUID ${other.uuid}`,
      )
    }
  }
  return pollerGroupConflict(record, all)
}

function isDuplicate(a: MappingRecord, b: MappingRecord): boolean {
  if (a.functionName !== b.functionName || a.qualifier !== b.qualifier) return false
  if (a.topic !== b.topic) return false
  if (a.eventSourceArn !== undefined) return a.eventSourceArn === b.eventSourceArn
  return a.bootstrapServers?.some((s) => b.bootstrapServers?.includes(s) === true) === true
}

function duplicate(record: MappingRecord, other: MappingRecord): LambdaApiError {
  if (sourceKindOf(record) === 'kinesis') {
    return new LambdaApiError(
      'ResourceConflictException',
      `The event source arn (" ${record.eventSourceArn} ") and function (" ${record.functionName} ") ` +
        `provided mapping already exists. Please update or delete the existing mapping with UUID ${other.uuid}`,
    )
  }
  const source = record.eventSourceArn ?? record.bootstrapServers?.join(',') ?? ''
  return new LambdaApiError(
    'ResourceConflictException',
    `An event source mapping with event source ("${source}"), function ` +
      `("${record.functionArn}"), topics ("${record.topic}") already exists. Please update or ` +
      `delete the existing mapping with UUID ${other.uuid}`,
  )
}
