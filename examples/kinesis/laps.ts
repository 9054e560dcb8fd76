// Sums up laps per car from a stream that the Kinesis Producer Library writes: aggregates are taken apart first.
import { deaggregate, type KinesisEvent, type UserRecord } from './deaggregate.ts'

interface Lap {
  readonly seconds: number
}

interface Answer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

/** Needs `ReportBatchItemFailures`: from the first record that cannot be read on the batch is delivered again. */
export async function handler(event: KinesisEvent): Promise<Answer> {
  const best = new Map<string, number>()
  let count = 0
  for (const record of deaggregate(event)) {
    const lap = lapOf(record)
    if (lap === undefined) {
      console.error(`no lap at ${record.sequenceNumber}/${record.subSequenceNumber}`)
      return { batchItemFailures: [{ itemIdentifier: record.sequenceNumber }] }
    }
    count += 1
    best.set(record.partitionKey, Math.min(lap.seconds, best.get(record.partitionKey) ?? Infinity))
  }
  console.log(`${count} laps: ${[...best].map(([car, lap]) => `${car} ${lap} s`).join(', ')}`)
  return { batchItemFailures: [] }
}

function lapOf({ data }: UserRecord): Lap | undefined {
  try {
    const lap = JSON.parse(data.toString()) as Partial<Lap> | null
    return typeof lap?.seconds === 'number' ? { seconds: lap.seconds } : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
