// One partition that is read: where it stands, and what keeps it from being fetched.
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import type { FetchedPartition } from './fetched-batches.ts'

/** A partition's part of an answer that is not taken apart yet. */
export interface Part {
  readonly fromOffset: number
  readonly answer: FetchedPartition
}

/** `leader`: it is not known who leads it. `offset`: the log does not have the offset. */
export type Trouble = 'leader' | 'offset'

export class ReadPartition {
  readonly partition: number
  /** What is asked for next. */
  offset: number
  paused = false
  trouble: Trouble | undefined = undefined
  /** How often in a row there was trouble. */
  tries = 0
  /** What came while it was paused; nothing more is asked for until that is handed on. */
  held: Part | undefined = undefined

  constructor(partition: number, offset: number) {
    this.partition = partition
    this.offset = offset
  }

  get isFetchable(): boolean {
    return !this.paused && this.held === undefined && this.trouble === undefined
  }
}

/** For what is held for long: the answer's other bytes are not held with it. */
export function ownedBy({ fromOffset, answer }: Part): Part {
  const records = answer.records === null ? null : Buffer.from(answer.records)
  return { fromOffset, answer: { ...answer, records } }
}

/** Undefined for what does not pass by itself. */
export function troubleOf(error: KafkaErrorName): Trouble | undefined {
  if (error === 'OFFSET_OUT_OF_RANGE') return 'offset'
  return passing.has(error) ? 'leader' : undefined
}

const passing = new Set<KafkaErrorName>([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_SERVER_ERROR',
])
