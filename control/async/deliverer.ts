// Tells destinations and dead-letter queues how an event ended.
import { asyncHopsMax } from '../../common/async-limits.ts'
import { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { Sender } from '../../destinations/sender.ts'
import { parseTarget, type Target } from '../../destinations/target.ts'
import type { AsyncCounters } from './async-counters.ts'
import type { Ending, Hearer, QueuedEvent } from './event.ts'
import { arnOf, type Terms } from './event-rules.ts'
import { objectKeyOf } from './object-key.ts'
import { deadLetterAttributes, invocationRecord } from './outcome-record.ts'

/** Takes an event for another function; `full` when the queue has no room. */
export type Forward = (
  target: Target,
  payload: string,
  hops: number,
) => Promise<'taken' | 'full' | 'unknown function' | 'too large'>

export interface DelivererOptions {
  readonly sender: Sender
  readonly forward: Forward
  readonly logger: Logger
}

export interface Delivery {
  readonly event: QueuedEvent
  readonly ending: Ending
  readonly body: Buffer
  readonly terms: Terms
  readonly counters: AsyncCounters
}

export class Deliverer {
  readonly #options: DelivererOptions

  constructor(options: DelivererOptions) {
    this.#options = options
  }

  /** Tells each that was not told yet; resolves with those for whom another try may go better. */
  async deliver(delivery: Delivery): Promise<readonly Hearer[]> {
    const left: Hearer[] = []
    for (const hearer of delivery.ending.hearers) {
      const arn = arnOf(delivery.terms, hearer)
      if (arn === undefined) continue
      try {
        await this.#tell(delivery, hearer, arn)
        delivery.counters.deliveries[hearer] += 1
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        const { id: requestId, functionName } = delivery.event
        const fields = { requestId, function: functionName, to: hearer, reason: error.message }
        this.#options.logger.warn('result not delivered', fields)
        if (error.retriable) left.push(hearer)
        else this.lost(delivery.counters, [hearer])
      }
    }
    return left
  }

  /** Counts those that will not be told. */
  lost(counters: AsyncCounters, hearers: readonly Hearer[]): void {
    for (const hearer of hearers) {
      if (hearer === 'deadLetter') counters.deadLetterErrors += 1
      else counters.destinationFailures += 1
    }
  }

  async #tell(delivery: Delivery, hearer: Hearer, arn: string): Promise<void> {
    const { event, ending, body } = delivery
    const { record } = delivery.terms
    const target = parseTarget(arn)
    if (target === undefined) throw refused(arn, 'it is not the ARN of a destination')
    const objectKey = objectKeyOf(event, ending)
    if (hearer === 'deadLetter') {
      const attributes = { ...deadLetterAttributes(event, ending, body) }
      const payload = body.toString('utf8', 0, ending.payloadBytes)
      return this.#options.sender.send(target, { body: payload, attributes, objectKey })
    }
    const text = invocationRecord(event, ending, body, record.arn)
    if (target.kind === 'function') return this.#forward(target, text, event.hops + 1)
    const result = ending.condition === 'Success' ? 'Success' : 'Failure'
    const busEvent = {
      detailType: `Lambda Function Invocation Result - ${result}`,
      resources: [`${record.arn}:${event.qualifier ?? '$LATEST'}`],
    }
    return this.#options.sender.send(target, { body: text, objectKey, busEvent })
  }

  async #forward(target: Target, text: string, hops: number): Promise<void> {
    if (hops > asyncHopsMax) {
      throw refused(target.arn, `it is the ${hops}th in a chain of functions that call each other`)
    }
    const outcome = await this.#options.forward(target, text, hops)
    if (outcome === 'taken') return
    if (outcome !== 'full') throw refused(target.arn, outcome)
    const details = { destination: target.arn, reason: 'the queue is full' }
    throw new AppError('DESTINATION_FAILED', details)
  }
}

function refused(destination: string, reason: string): AppError {
  return new AppError('DESTINATION_REFUSED', { destination, reason })
}
