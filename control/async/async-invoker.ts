// Runs functions for events that nobody waits for: from a durable queue, with retries, to their destinations.
import { randomUUID } from 'node:crypto'
import { asyncPayloadMaxBytes } from '../../common/async-limits.ts'
import { sleep, type Clock, type Timer } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { FunctionInvoker, Invocation, InvocationCompleted } from '../../common/invocation.ts'
import type { Logger } from '../../common/logger.ts'
import type { Sender } from '../../destinations/sender.ts'
import type { Target } from '../../destinations/target.ts'
import type { Registry } from '../registry/registry.ts'
import { CounterBook } from './async-counters.ts'
import { Backlog, backlogLimits, type BacklogLimits, type FunctionBacklog } from './backlog.ts'
import { Deliverer } from './deliverer.ts'
import type { Condition, Ending, QueuedEvent } from './event.ts'
import { entryBytesOf, EventJournal } from './event-journal.ts'
import { hearersOf, rulesOf, termsOf, type Terms } from './event-rules.ts'
import {
  afterSetback,
  planAfterDelivery,
  planAfterFailure,
  planAfterRefusal,
  refusedBefore,
  type Plan,
  type RetryPace,
} from './retry-plan.ts'
import { tryOnce } from './try.ts'

export interface AsyncInvokerOptions {
  /** Holds the queue's files; one process at a time. */
  readonly directory: string
  readonly registry: Registry
  readonly invoker: FunctionInvoker
  readonly sender: Sender
  readonly region: string
  readonly accountId: string
  readonly pace: RetryPace
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: BacklogLimits
}

export interface AsyncRequest {
  readonly functionName: string
  readonly qualifier?: string | undefined
  /** JSON text, at most `asyncPayloadMaxBytes`. */
  readonly payload: string
  /** Destinations that the event has come through. */
  readonly hops?: number
}

/**
 * At least once: an event is on the disk before it is taken, and leaves when its function has run and its
 * destinations were told, or were tried often enough. Order is not promised.
 */
export class AsyncInvoker {
  readonly #options: AsyncInvokerOptions
  readonly #journal: EventJournal
  readonly #backlog: Backlog
  readonly #deliverer: Deliverer
  readonly counters = new CounterBook()
  readonly #unwatch: () => void
  #timer: Timer | undefined
  #onIdle: (() => void) | undefined
  #isRunning = false
  #isClosed = false

  /** Reads what an earlier life left; nothing runs before `start`. Rejects with AppError STORAGE_FAILED. */
  static async open(options: AsyncInvokerOptions): Promise<AsyncInvoker> {
    return new AsyncInvoker(options, await EventJournal.open(options))
  }

  private constructor(options: AsyncInvokerOptions, journal: EventJournal) {
    const { registry, limits = backlogLimits } = options
    this.#options = options
    this.#journal = journal
    const concurrencyOf = (name: string): number | undefined =>
      registry.function(name)?.reservedConcurrency
    this.#backlog = new Backlog(limits, concurrencyOf)
    this.#deliverer = new Deliverer({
      sender: options.sender,
      logger: options.logger,
      forward: (target, payload, hops) => this.#forward(target, payload, hops),
    })
    for (const event of journal.events()) {
      this.#backlog.enter(event.functionName, journal.sizeBytes(event.id))
      this.#backlog.schedule(event)
    }
    this.#unwatch = registry.watch((change) => {
      if (change.kind === 'function' && registry.function(change.name) === undefined) {
        this.counters.forget(change.name)
      }
    })
  }

  start(): void {
    this.#isRunning = true
    if (this.#backlog.events > 0) {
      this.#options.logger.info('queued events found', { events: this.#backlog.events })
    }
    this.#pump()
  }

  /** Resolves with the request id once the event is on the disk. Rejects with AppError STORAGE_FAILED. */
  async submit(request: AsyncRequest): Promise<{ readonly requestId: string } | 'full'> {
    const { functionName, qualifier, payload, hops = 0 } = request
    const body = Buffer.from(payload)
    const sizeBytes = entryBytesOf(body.length)
    const counters = this.counters.of(functionName)
    if (!this.#backlog.admits(functionName, sizeBytes)) {
      counters.refused += 1
      return 'full'
    }
    this.#backlog.enter(functionName, sizeBytes)
    const receivedMs = this.#options.clock.now()
    const event: QueuedEvent = {
      id: randomUUID(),
      functionName,
      ...(qualifier === undefined || qualifier === '$LATEST' ? {} : { qualifier }),
      receivedMs,
      hops,
      attempts: 0,
      setbacks: 0,
      dueMs: receivedMs,
    }
    try {
      await this.#journal.put(event, body)
    } catch (error) {
      this.#backlog.leave(functionName, sizeBytes)
      throw error
    }
    counters.received += 1
    this.#backlog.schedule(event)
    this.#pump()
    return { requestId: event.id }
  }

  /** Starts nothing more and waits for what runs, at most the grace; the rest is for the next start. */
  async drain(graceMs: number): Promise<void> {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#unwatch()
    if (this.#backlog.inFlight === 0) return
    const grace = new AbortController()
    const idle = new Promise<void>((resolve) => (this.#onIdle = resolve))
    await Promise.race([idle, sleep(this.#options.clock, graceMs, grace.signal)])
    grace.abort()
  }

  /** After `drain`, when nobody submits any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#journal.close()
  }

  backlog(): readonly FunctionBacklog[] {
    return this.#backlog.functions()
  }

  /** Every event that is not over. */
  events(): Iterable<QueuedEvent> {
    return this.#journal.events()
  }

  /** The queue's files, with what is not freed yet. */
  get fileBytes(): number {
    return this.#journal.fileBytes
  }

  /** The invariants of what this keeps; tests call it. */
  check(): string | undefined {
    return this.#journal.check() ?? this.#backlog.check()
  }

  #pump(): void {
    if (!this.#isRunning) return
    this.#timer?.cancel()
    const { clock } = this.#options
    const nowMs = clock.now()
    const { events, wakeMs } = this.#backlog.take(nowMs)
    for (const event of events) void this.#run(event)
    if (wakeMs === Infinity) return
    this.#timer = clock.after(Math.max(0, wakeMs - nowMs), () => this.#pump())
  }

  async #run(event: QueuedEvent): Promise<void> {
    await (event.ending === undefined ? this.#invoke(event) : this.#deliver(event, event.ending))
    if (this.#backlog.inFlight === 0) this.#onIdle?.()
    this.#pump()
  }

  async #invoke(event: QueuedEvent): Promise<void> {
    const { registry, clock, pace, invoker, logger } = this.#options
    const terms = termsOf(registry, event)
    if (terms === undefined) return this.#drop(event)
    const rules = rulesOf(terms)
    const nowMs = clock.now()
    const never = refusedBefore(event, rules, terms.record.reservedConcurrency, nowMs)
    if (never !== undefined) return this.#finish(event, terms, { condition: never })
    this.counters.of(event.functionName).ageSeconds.observe((nowMs - event.receivedMs) / 1000)
    const payload = await this.#body(event)
    const tried =
      payload === undefined
        ? 'unreached'
        : await tryOnce(invoker, invocationOf(event, payload), logger)
    // What ended after the grace runs once more at the next start.
    if (this.#isClosed) return
    if (tried === 'gone') return this.#drop(event)
    if (tried === 'throttled' || tried === 'unreached') {
      const plan = planAfterRefusal(event, rules, pace, clock.now())
      return this.#follow(plan, event, terms, { why: tried })
    }
    const ran = { ...event, attempts: event.attempts + 1 }
    if (tried.functionError === undefined) {
      return this.#finish(ran, terms, { condition: 'Success', answer: tried })
    }
    const plan = planAfterFailure(ran, rules, pace, clock.now())
    return this.#follow(plan, ran, terms, { why: 'failed', answer: tried })
  }

  async #follow(
    plan: Plan,
    event: QueuedEvent,
    terms: Terms,
    { why, answer }: { why: 'failed' | 'throttled' | 'unreached'; answer?: InvocationCompleted },
  ): Promise<void> {
    if ('giveUp' in plan) {
      const condition = plan.giveUp
      return this.#finish(
        event,
        terms,
        answer === undefined ? { condition } : { condition, answer },
      )
    }
    this.counters.of(event.functionName).retries[why] += 1
    this.#journal.note(plan.retry)
    this.#again(event, plan.retry, why === 'failed' ? 'served' : 'refused')
  }

  /** The function is done with the event: whoever is to hear of it gets a record, later and durably. */
  async #finish(
    event: QueuedEvent,
    terms: Terms,
    { condition, answer }: { condition: Condition; answer?: InvocationCompleted },
  ): Promise<void> {
    const { logger, clock } = this.#options
    const { id: requestId, functionName, attempts } = event
    if (condition !== 'Success') {
      this.counters.of(functionName).dropped += 1
      logger.warn('event given up', { requestId, function: functionName, condition, attempts })
    }
    const hearers = hearersOf(terms, condition)
    if (hearers.length === 0) return this.#leave(event)
    const payload = await this.#body(event)
    if (payload === undefined) return this.#later(event)
    const ending: Ending = {
      condition,
      endedMs: clock.now(),
      payloadBytes: payload.length,
      ...(answer === undefined ? {} : { executedVersion: answer.executedVersion }),
      ...(answer?.functionError === undefined ? {} : { functionError: answer.functionError }),
      hearers,
    }
    const body = Buffer.concat([payload, Buffer.from(answer?.payload ?? '')])
    const ended = { ...event, setbacks: 0, dueMs: ending.endedMs, ending }
    try {
      await this.#journal.put(ended, body)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return this.#later(event)
    }
    this.#backlog.resize(functionName, body.length - payload.length)
    this.#again(event, ended, 'served')
  }

  /** The disk failed: nothing is lost, the event is taken up again when it may have recovered. */
  #later(event: QueuedEvent): void {
    const { clock, pace } = this.#options
    this.#again(event, afterSetback(event, pace, clock.now()), 'refused')
  }

  async #body({ id }: QueuedEvent): Promise<Buffer | undefined> {
    try {
      return await this.#journal.read(id)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#options.logger.error('event not read', { requestId: id, reason: error.message })
      return undefined
    }
  }

  async #deliver(event: QueuedEvent, ending: Ending): Promise<void> {
    const { registry, clock } = this.#options
    const terms = termsOf(registry, event)
    if (terms === undefined) return this.#leave(event)
    const counters = this.counters.of(event.functionName)
    const body = await this.#body(event)
    if (body === undefined) return this.#later(event)
    const left = await this.#deliverer.deliver({ event, ending, body, terms, counters })
    if (this.#isClosed) return
    if (left.length === 0) return this.#leave(event)
    const next = planAfterDelivery({ ...event, ending: { ...ending, hearers: left } }, clock.now())
    if (next === undefined) {
      this.#deliverer.lost(counters, left)
      return this.#leave(event)
    }
    this.#journal.note(next)
    this.#again(event, next, 'served')
  }

  async #forward(
    { region, accountId, name: functionName, qualifier }: Target,
    payload: string,
    hops: number,
  ): Promise<'taken' | 'full' | 'unknown function' | 'too large'> {
    const { registry, region: ours, accountId: account } = this.#options
    const isOurs = region === ours && accountId === account
    if (!isOurs || registry.function(functionName) === undefined) return 'unknown function'
    if (Buffer.byteLength(payload) > asyncPayloadMaxBytes) return 'too large'
    const taken = await this.submit({ functionName, qualifier, payload, hops })
    return taken === 'full' ? 'full' : 'taken'
  }

  #again(event: QueuedEvent, next: QueuedEvent, how: 'served' | 'refused'): void {
    this.#backlog.returned(event, how, this.#options.clock.now())
    this.#backlog.schedule(next)
  }

  #drop(event: QueuedEvent): void {
    const { id: requestId, functionName } = event
    this.#options.logger.warn('event dropped, its function is gone', {
      requestId,
      function: functionName,
    })
    this.#leave(event)
  }

  #leave(event: QueuedEvent): void {
    const sizeBytes = this.#journal.sizeBytes(event.id)
    this.#journal.end(event.id)
    this.#backlog.returned(event, 'served', this.#options.clock.now())
    this.#backlog.leave(event.functionName, sizeBytes)
  }
}

function invocationOf({ id, functionName, qualifier }: QueuedEvent, payload: Buffer): Invocation {
  const invocation = { functionName, payload: payload.toString('utf8'), requestId: id }
  return qualifier === undefined ? invocation : { ...invocation, qualifier }
}
