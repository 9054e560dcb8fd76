// Reads the metrics of producers and transactions.
import type { MetricSample } from '../common/metrics.ts'
import type { BrokerContext } from './api/broker-context.ts'
import { isEnding } from './transactions/transaction.ts'

export function collectTransactions({ transactions }: BrokerContext): readonly MetricSample[] {
  const { committed, aborted, timedOut, fenced } = transactions.counters
  const open = transactions.transactions.filter(
    (transaction) => transaction.state === 'Ongoing' || isEnding(transaction),
  )
  return [
    { name: 'millrace_transactions_open', labels: {}, value: open.length },
    { name: 'millrace_transactions_total', labels: { outcome: 'committed' }, value: committed },
    { name: 'millrace_transactions_total', labels: { outcome: 'aborted' }, value: aborted },
    { name: 'millrace_transactions_timed_out_total', labels: {}, value: timedOut },
    { name: 'millrace_producers_fenced_total', labels: {}, value: fenced },
  ]
}
