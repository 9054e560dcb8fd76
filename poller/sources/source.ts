// What a source of records gives a mapping, whatever speaks to the cluster behind it.
import type {
  RecordHeader,
  RecordSchemas,
  SchemaFailure,
  StreamPlace,
} from '../../events/raw-record.ts'

import type { BrokerFault } from '../../common/broker-fault.ts'

export type TimestampType = 'CREATE_TIME' | 'LOG_APPEND_TIME'

/**
 * One record as read. Its buffers may be slices of a whole fetch, and made by each access: a source that has them in
 * place says where they lie as well, by the members of `RawRecord`.
 */
export interface SourceRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly timestampType: TimestampType
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  readonly stream?: StreamPlace
  /** Of a mapping with a schema registry alone: what it was read by, or why it could not be. */
  readonly schemas?: RecordSchemas
  readonly failure?: SchemaFailure
  /** Of key, value and headers as they were read, where they are others now. */
  readonly polledBytes?: number
  /** What filters see in place of key and value. */
  readonly filtered?: { readonly key: Buffer | null; readonly value: Buffer | null }
}

/** Consecutive records of one partition. */
export interface RecordRun {
  readonly partition: number
  readonly records: readonly SourceRecord[]
  /** The offset after the run; more than the last record's plus one where the log has gaps. */
  readonly nextOffset: number
  /** The offset after the partition's last record at that time: the high watermark. */
  readonly endOffset: number
  /** Of a shard alone: nothing follows. */
  readonly ended?: boolean
}

/** What a source tells its mapping. None of these may throw or wait. */
export interface SourceListener {
  /**
   * The partitions that this member has from now on. `continued` is true while the group has known
   * this member all along, so nobody else can have read its partitions in between. The answer says
   * where to read on; a partition that is not in it is read from its committed offset.
   */
  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number>
  /** What may be committed at this moment; asked for before the group deals its partitions out anew. */
  checkpoints(): ReadonlyMap<number, number>
  /** A partition's log was cut or made anew: what follows starts below what was read before. */
  rewound(partition: number): void
  records(run: RecordRun): void
  /**
   * Why nothing can be read, in a sentence; undefined when all is well again. `fault` where the cluster
   * does not let us in.
   */
  problem(reason: string | undefined, fault?: BrokerFault): void
}

/** Reads one topic as a member of one consumer group, and survives whatever the cluster does. */
export interface Source {
  /** Returns at once; failures are told to the listener and tried again until `stop`. */
  start(listener: SourceListener): void
  pause(partitions: readonly number[]): void
  resume(partitions: readonly number[]): void
  /** Rejects when nothing is committed: not connected, or refused by the group. */
  commit(offsets: ReadonlyMap<number, number>): Promise<void>
  /** Leaves the group. */
  stop(): Promise<void>
}
