// Sends what is given up to a queue, a topic or a bucket, as Lambda does: only a bucket gets the records.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../common/clock.ts'
import type { Sender } from '../../destinations/sender.ts'
import type { Target } from '../../destinations/target.ts'
import type { Destination, DestinationMessage } from './destination.ts'

export interface ServiceDestinationOptions {
  readonly target: Target
  /** Its owner closes it. */
  readonly sender: Sender
  readonly mappingUuid: string
  readonly clock: Clock
}

export class ServiceDestination implements Destination {
  readonly takes = 'batches'
  readonly #options: ServiceDestinationOptions

  constructor(options: ServiceDestinationOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.target.arn
  }

  async send(messages: readonly DestinationMessage[]): Promise<void> {
    const { target, sender } = this.#options
    for (const { value, withoutPayload, shardId } of messages) {
      const body = target.kind === 'bucket' ? value : withoutPayload
      await sender.send(target, { body, objectKey: this.#objectKey(shardId) })
    }
  }

  async close(): Promise<void> {
    // Nothing of it is this mapping's own.
  }

  /**
   * `aws/lambda/<mapping>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>` (D: with-kafka-on-failure); of a stream the
   * mapping's part is followed by the shard's.
   */
  #objectKey(shardId: string | undefined): string {
    const { mappingUuid, clock } = this.#options
    const time = new Date(clock.now()).toISOString()
    const day = time.slice(0, 10).replaceAll('-', '/')
    const second = time.slice(0, 19).replaceAll(':', '.')
    const shard = shardId === undefined ? '' : `${shardId}/`
    return `aws/lambda/${mappingUuid}/${shard}${day}/${second}-${randomUUID()}`
  }
}
