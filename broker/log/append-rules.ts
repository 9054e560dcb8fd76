// Whether a topic's configuration takes a batch: its size, its records' own times and keys.
import { DecodeError, keyedRecords, type BatchInfo } from '../../protocol/record-batch.ts'
import type { TopicConfig } from './topic-config.ts'

/** By the name of Kafka's error. */
export interface RuleRefusal {
  readonly error: 'MESSAGE_TOO_LARGE' | 'INVALID_TIMESTAMP' | 'INVALID_RECORD'
  readonly reason: string
}

/** Of a batch's times its header tells two, the first record's and the largest: they are looked at. */
export function refusalByConfig(
  batches: readonly BatchInfo[],
  config: TopicConfig,
  nowMs: number,
): RuleRefusal | undefined {
  const { maxMessageBytes, timestampType } = config
  for (const { sizeBytes, baseTimestamp, maxTimestamp } of batches) {
    if (sizeBytes > maxMessageBytes) {
      const reason = `the batch has ${sizeBytes} bytes, max.message.bytes is ${maxMessageBytes}`
      return { error: 'MESSAGE_TOO_LARGE', reason }
    }
    if (timestampType === 'LogAppendTime') continue
    const least = nowMs - config.timestampBeforeMaxMs
    const most = nowMs + config.timestampAfterMaxMs
    // A record without a time has -1.
    const outside = [baseTimestamp, maxTimestamp].find((t) => t >= 0 && (t < least || t > most))
    if (outside === undefined) continue
    const reason = `timestamp ${outside} is out of range: the topic takes ${least} to ${most}`
    return { error: 'INVALID_TIMESTAMP', reason }
  }
  return undefined
}

/** A compacted topic takes no record that nothing could ever take the place of; only there batches are opened. */
export function refusalOfKeyless(
  buffer: Buffer,
  batches: readonly BatchInfo[],
): RuleRefusal | undefined {
  for (const { position, sizeBytes } of batches) {
    try {
      for (const { key } of keyedRecords(buffer.subarray(position, position + sizeBytes))) {
        if (key !== null) continue
        const reason = 'Compacted topic cannot accept message without key.'
        return { error: 'INVALID_RECORD', reason }
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return { error: 'INVALID_RECORD', reason: `records cannot be read: ${error.message}` }
    }
  }
  return undefined
}
