// Reads the one thing of a consumer's subscription that a broker needs: its topics.

/** Kafka's name for the protocol of consumers; others, such as Kafka Connect's, subscribe to no topics. */
export const consumerProtocolType = 'consumer'

/**
 * ConsumerProtocolSubscription: version i16, then an array of topics (i32, each i16 and UTF-8). What
 * later versions have comes after them. Undefined where it is not that.
 */
export function topicsOfSubscription(metadata: Buffer): readonly string[] | undefined {
  if (metadata.length < 6) return undefined
  const count = metadata.readInt32BE(2)
  const topics: string[] = []
  let position = 6
  while (topics.length < count) {
    if (position + 2 > metadata.length) return undefined
    const length = metadata.readInt16BE(position)
    const end = position + 2 + length
    if (length < 0 || end > metadata.length) return undefined
    topics.push(metadata.toString('utf8', position + 2, end))
    position = end
  }
  return topics
}
