// The pieces of PromQL that several boards share.

/** Percentiles that delivery and duration are shown as. */
export const quantiles = [0.5, 0.95, 0.99] as const

/** A second of a counter, over a span that Grafana fits to the picture and the scrape interval. */
export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`
}

export function sumRate(selector: string, by: readonly string[] = []): string {
  return `${over('sum', by)} (${rate(selector)})`
}

/** A percentile of a histogram, of all series together unless `by` keeps some apart. */
export function percentile(q: number, selector: string, by: readonly string[] = []): string {
  const buckets = selector.replace(/^\w+/, '$&_bucket')
  return `histogram_quantile(${q}, ${sumRate(buckets, [...by, 'le'])})`
}

/** The mean of a histogram's observations. */
export function mean(selector: string, by: readonly string[] = []): string {
  const part = (suffix: string): string => sumRate(selector.replace(/^\w+/, `$&${suffix}`), by)
  return `${part('_sum')} / ${part('_count')}`
}

export function over(aggregation: 'sum' | 'max', by: readonly string[]): string {
  return by.length === 0 ? aggregation : `${aggregation} by (${by.join(', ')})`
}

/** Mappings that the board's variables choose. */
export const chosenMappings = '{topic=~"$topic", mapping=~"$mapping"}'

/**
 * What the broker says of consumer groups, with the mapping and function behind each group. The
 * broker knows no mappings and the poller no offsets of others; their labels meet here.
 */
export function ofMappings(groupMetric: string, mappings = chosenMappings): string {
  const info = `topk by (consumergroup, topic) (1, millrace_mapping_info${mappings})`
  return `${groupMetric} * on (consumergroup, topic) group_left (mapping, function) ${info}`
}

/** The same for every group: those that are no mapping's have no function. */
export function withFunctions(groupMetric: string): string {
  const info = 'topk by (consumergroup, topic) (1, millrace_mapping_info)'
  const everyGroup = '0 * kafka_consumergroup_lag_sum + 1'
  return `${groupMetric} * on (consumergroup, topic) group_left (function) (${info} or on (consumergroup, topic) ${everyGroup})`
}
