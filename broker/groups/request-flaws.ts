// Refuses what no member of any group may ask: ids, timeouts and sizes out of bounds.
import {
  groupSessionTimeoutMaxMs,
  groupSessionTimeoutMinMs,
  groupTextMaxBytes,
  memberMetadataMaxBytes,
} from '../../common/group-limits.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import type { JoinRequest, SyncRequest } from './membership.ts'

export function joinFlaw(request: JoinRequest): KafkaErrorName | undefined {
  const { groupId, sessionTimeoutMs, protocols } = request
  if (groupId === '' || isTooLong(groupId)) return 'INVALID_GROUP_ID'
  const names = protocols.map(({ name }) => name)
  const texts = [request.protocolType, request.groupInstanceId ?? '', ...names]
  if (texts.some((text) => isTooLong(text))) return 'INVALID_REQUEST'
  if (sessionTimeoutMs < groupSessionTimeoutMinMs || sessionTimeoutMs > groupSessionTimeoutMaxMs) {
    return 'INVALID_SESSION_TIMEOUT'
  }
  const metadataBytes = protocols.reduce((sum, { metadata }) => sum + metadata.length, 0)
  return metadataBytes > memberMetadataMaxBytes ? 'INVALID_REQUEST' : undefined
}

export function assignmentFlaw({ assignments }: SyncRequest): KafkaErrorName | undefined {
  const isTooLarge = assignments.some((a) => a.assignment.length > memberMetadataMaxBytes)
  return isTooLarge ? 'INVALID_REQUEST' : undefined
}

export function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > groupTextMaxBytes
}
