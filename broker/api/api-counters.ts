// Counts what the APIs do: requests and their time, errors answered, records sent.
import { durationBoundsSeconds, Histogram } from '../../common/metrics.ts'
import type { ApiName } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'

export interface RequestCount {
  requests: number
  readonly seconds: Histogram
  readonly errors: Map<KafkaErrorName, number>
}

export interface SentCount {
  records: number
  bytes: number
}

/** Plain counters; `metrics.ts` reads them. */
export class ApiCounters {
  readonly requests = new Map<ApiName, RequestCount>()
  /** What fetches have carried away, by topic. */
  readonly sent = new Map<string, SentCount>()

  requested(api: ApiName, seconds: number): void {
    const count = this.#countOf(api)
    count.requests += 1
    count.seconds.observe(seconds)
  }

  failed(api: ApiName, error: KafkaErrorName): void {
    const { errors } = this.#countOf(api)
    errors.set(error, (errors.get(error) ?? 0) + 1)
  }

  sentTo(topic: string, records: number, bytes: number): void {
    const count = this.sent.get(topic)
    if (count === undefined) {
      this.sent.set(topic, { records, bytes })
    } else {
      count.records += records
      count.bytes += bytes
    }
  }

  forgetTopic(topic: string): void {
    this.sent.delete(topic)
  }

  #countOf(api: ApiName): RequestCount {
    const known = this.requests.get(api)
    if (known !== undefined) return known
    const count = { requests: 0, seconds: new Histogram(durationBoundsSeconds), errors: new Map() }
    this.requests.set(api, count)
    return count
  }
}
