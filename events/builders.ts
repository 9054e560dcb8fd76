// Which builder makes Lambda's event of packed records, for each source of records.
import type { RecordEventKind } from '../common/record-event.ts'
import { buildKafkaEvent } from './kafka-packing.ts'
import { buildKinesisEvent } from './kinesis-event.ts'

export const eventBuilders: Readonly<
  Record<RecordEventKind, (memory: SharedArrayBuffer) => unknown>
> = { kafka: buildKafkaEvent, kinesis: buildKinesisEvent }
