// Counts what it is given: batches of a stream are a list, those of a topic a list for each partition.
export async function handler(event) {
  const lists = Array.isArray(event.Records) ? [event.Records] : Object.values(event.records)
  const count = lists.reduce((sum, list) => sum + list.length, 0)
  console.log(`${count} records`)
  return { batchItemFailures: [] }
}
