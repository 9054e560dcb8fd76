// Tells whether a stream or a consumer of one is there, for whoever is to read it.
import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { parseKinesisArn } from '../common/kinesis-arn.ts'
import { endpointOf, type EndpointSettings } from './endpoint.ts'
import { KinesisClient } from './kinesis-client.ts'
import { Refusal } from './refusal.ts'

export type StreamFinding = 'found' | 'missing' | { readonly unknown: string }

export class StreamLookup {
  readonly #settings: EndpointSettings
  readonly #clock: Clock

  constructor(settings: EndpointSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  async find(arn: string): Promise<StreamFinding> {
    const stream = parseKinesisArn(arn)
    if (stream === undefined) return 'missing'
    const { region, streamArn, consumerArn } = stream
    const endpoint = endpointOf(this.#settings, region)
    const client = new KinesisClient({ endpoint, region, clock: this.#clock })
    try {
      const answer =
        consumerArn === undefined
          ? await client.describeStream(streamArn)
          : await client.describeConsumer(consumerArn)
      if (!(answer instanceof Refusal)) return 'found'
      return answer.kind === 'missing' ? 'missing' : { unknown: answer.reason }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { unknown: error.message }
    } finally {
      client.close()
    }
  }
}
