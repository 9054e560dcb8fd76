// Whether a topic's configuration takes a batch: its size, and its records' own times.
import type { BatchInfo } from '../../protocol/record-batch.ts'
import type { TopicConfig } from './topic-config.ts'

/** By the name of Kafka's error. */
export interface RuleRefusal {
  readonly error: 'MESSAGE_TOO_LARGE' | 'INVALID_TIMESTAMP'
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
