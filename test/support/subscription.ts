// Makes the metadata with which a consumer says what it reads, as Kafka's clients do (version 0).

export function subscriptionTo(...topics: string[]): Buffer {
  const head = Buffer.alloc(6)
  head.writeInt32BE(topics.length, 2)
  const names = topics.flatMap((topic) => {
    const bytes = Buffer.from(topic)
    const length = Buffer.alloc(2)
    length.writeInt16BE(bytes.length)
    return [length, bytes]
  })
  return Buffer.concat([head, ...names, Buffer.alloc(4, 0xff)])
}
