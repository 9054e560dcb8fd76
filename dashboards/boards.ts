// Every board by the path of its JSON, from the root of the repository.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { broker } from './boards/broker.ts'
import { concurrencyAndScaling } from './boards/concurrency-and-scaling.ts'
import { kinesisStreams } from './boards/kinesis-streams.ts'
import { lagAndDelivery } from './boards/lag-and-delivery.ts'
import { loadTest } from './boards/load-test.ts'
import { overview } from './boards/overview.ts'

export const boards: readonly Dashboard[] = [
  overview(),
  lagAndDelivery(),
  concurrencyAndScaling(),
  broker(),
  kinesisStreams(),
  loadTest(),
]

export function boardFiles(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    boards.map((board) => [
      `dashboards/grafana/boards/${(board.uid ?? '').replace('millrace-', '')}.json`,
      `${JSON.stringify(board, null, 2)}\n`,
    ]),
  )
}
