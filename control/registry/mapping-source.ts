// Says of which kind a mapping's source is.
import { parseKinesisArn } from '../../common/kinesis-arn.ts'
import type { MappingRecord } from './registry.ts'

export type MappingSourceKind = 'kafka' | 'kinesis'

export function sourceKindOf({
  eventSourceArn,
}: Pick<MappingRecord, 'eventSourceArn'>): MappingSourceKind {
  const isStream = eventSourceArn !== undefined && parseKinesisArn(eventSourceArn) !== undefined
  return isStream ? 'kinesis' : 'kafka'
}
