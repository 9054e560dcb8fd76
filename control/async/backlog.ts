// Decides which event runs next: each function's events stand in a row of their own; pure.
import {
  asyncDeliveriesWaitingMax,
  asyncEventsMax,
  asyncEventsMaxBytes,
  asyncFunctionDeliveriesMax,
  asyncFunctionInvocationsMax,
  asyncInvocationsMax,
  asyncThrottlePauseMs,
} from '../../common/async-limits.ts'
import { DueHeap } from './due-heap.ts'
import type { QueuedEvent } from './event.ts'

export interface BacklogLimits {
  readonly eventsMax: number
  readonly bytesMax: number
  readonly invocationsMax: number
  readonly functionInvocationsMax: number
  readonly functionDeliveriesMax: number
  readonly deliveriesWaitingMax: number
  readonly throttlePauseMs: number
}

export const backlogLimits: BacklogLimits = {
  eventsMax: asyncEventsMax,
  bytesMax: asyncEventsMaxBytes,
  invocationsMax: asyncInvocationsMax,
  functionInvocationsMax: asyncFunctionInvocationsMax,
  functionDeliveriesMax: asyncFunctionDeliveriesMax,
  deliveriesWaitingMax: asyncDeliveriesWaitingMax,
  throttlePauseMs: asyncThrottlePauseMs,
}

/** What a function is allowed beside what all are: its reservation. */
export type ConcurrencyOf = (functionName: string) => number | undefined

export interface FunctionBacklog {
  readonly functionName: string
  /** Waiting or in flight, results for destinations included. */
  readonly events: number
  readonly bytes: number
}

/** Events of one function that are to run, or results of it that are to be delivered. */
class Lane {
  readonly waiting = new DueHeap<QueuedEvent>()
  inFlight = 0
  /** How many may be in flight: halved by a throttle, one more with each that was served. */
  window = Infinity
  restsUntilMs = 0
}

class FunctionShare {
  readonly invocations = new Lane()
  readonly deliveries = new Lane()
  events = 0
  bytes = 0
}

/**
 * What is shared (room in the queue, invocations side by side) is parted so that no one takes it all: a
 * function may have as much as is left free. Alone it gets half, two get a third each, and there is
 * always room for one more.
 */
export class Backlog {
  readonly #limits: BacklogLimits
  readonly #concurrencyOf: ConcurrencyOf
  readonly #shares = new Map<string, FunctionShare>()
  #events = 0
  #bytes = 0
  #invocations = 0

  constructor(limits: BacklogLimits, concurrencyOf: ConcurrencyOf) {
    this.#limits = limits
    this.#concurrencyOf = concurrencyOf
  }

  get events(): number {
    return this.#events
  }

  get bytes(): number {
    return this.#bytes
  }

  get inFlight(): number {
    let sum = 0
    for (const { invocations, deliveries } of this.#shares.values()) {
      sum += invocations.inFlight + deliveries.inFlight
    }
    return sum
  }

  functions(): readonly FunctionBacklog[] {
    return [...this.#shares].map(([functionName, { events, bytes }]) => ({
      functionName,
      events,
      bytes,
    }))
  }

  /** Whether there is room for one more event of a function. */
  admits(functionName: string, sizeBytes: number): boolean {
    const { eventsMax, bytesMax } = this.#limits
    const { events = 0, bytes = 0 } = this.#shares.get(functionName) ?? {}
    return events < eventsMax - this.#events && bytes + sizeBytes <= bytesMax - this.#bytes
  }

  /** Counts an event that is kept from now on; it does not run before `schedule`. */
  enter(functionName: string, sizeBytes: number): void {
    this.#count(functionName, 1, sizeBytes)
  }

  /** An event that is not kept any more. */
  leave(functionName: string, sizeBytes: number): void {
    this.#count(functionName, -1, -sizeBytes)
    const share = this.#shares.get(functionName)
    if (share !== undefined && share.events === 0) this.#shares.delete(functionName)
  }

  /** An event takes more or less than it did: its body is another. */
  resize(functionName: string, byBytes: number): void {
    this.#count(functionName, 0, byBytes)
  }

  /** An event that was counted waits until it is due. */
  schedule(event: QueuedEvent): void {
    this.#laneOf(event).waiting.push(event)
  }

  /** The events to start now, each in flight from then on, and when to ask again if nothing ends before. */
  take(nowMs: number): { readonly events: readonly QueuedEvent[]; readonly wakeMs: number } {
    const events: QueuedEvent[] = []
    let wakeMs = Infinity
    for (const [functionName, share] of this.#shares) {
      for (const lane of [share.deliveries, share.invocations]) {
        for (;;) {
          const next = lane.waiting.peek()
          if (next === undefined || !this.#hasRoom(functionName, share, lane)) break
          const startMs = Math.max(next.dueMs, lane.restsUntilMs)
          if (startMs > nowMs) {
            wakeMs = Math.min(wakeMs, startMs)
            break
          }
          lane.waiting.pop()
          lane.inFlight += 1
          if (lane === share.invocations) this.#invocations += 1
          events.push(next)
        }
      }
    }
    // Who came first in this round comes last in the next.
    const [first] = this.#shares
    if (first !== undefined && this.#shares.size > 1) {
      this.#shares.delete(first[0])
      this.#shares.set(...first)
    }
    return { events, wakeMs }
  }

  /** An event in flight has come back; it is scheduled again, or leaves. */
  returned(event: QueuedEvent, how: 'served' | 'refused', nowMs: number): void {
    const share = this.#shares.get(event.functionName)
    if (share === undefined) return
    const lane = event.ending === undefined ? share.invocations : share.deliveries
    const { functionInvocationsMax, throttlePauseMs } = this.#limits
    if (lane === share.invocations) {
      if (how === 'refused') {
        lane.window = Math.max(1, Math.floor(lane.inFlight / 2))
        lane.restsUntilMs = nowMs + throttlePauseMs
        this.#invocations -= 1
      } else {
        lane.window = Math.min(functionInvocationsMax, lane.window + 1)
        this.#invocations -= 1
      }
    }
    lane.inFlight -= 1
  }

  /** What is wrong with the counts; tests call it. */
  check(): string | undefined {
    const [events, bytes, invocations] = [...this.#shares.values()].reduce(
      ([e, b, i], share) => [e + share.events, b + share.bytes, i + share.invocations.inFlight],
      [0, 0, 0],
    )
    if (events !== this.#events || bytes !== this.#bytes)
      return 'the sum of shares is not the whole'
    if (invocations !== this.#invocations)
      return `${invocations} in flight, not ${this.#invocations}`
    for (const [name, { invocations: i, deliveries: d, events: all }] of this.#shares) {
      const known = i.waiting.size + i.inFlight + d.waiting.size + d.inFlight
      if (known > all) return `${name} has ${known} events of ${all}`
    }
    return undefined
  }

  #hasRoom(functionName: string, { deliveries }: FunctionShare, lane: Lane): boolean {
    const limits = this.#limits
    if (lane === deliveries) return lane.inFlight < limits.functionDeliveriesMax
    const reserved = this.#concurrencyOf(functionName) ?? Infinity
    const most = Math.min(limits.functionInvocationsMax, lane.window, Math.max(1, reserved))
    return (
      lane.inFlight < most &&
      lane.inFlight < limits.invocationsMax - this.#invocations &&
      deliveries.waiting.size + deliveries.inFlight < limits.deliveriesWaitingMax
    )
  }

  #laneOf({ functionName, ending }: QueuedEvent): Lane {
    const share = this.#share(functionName)
    return ending === undefined ? share.invocations : share.deliveries
  }

  #count(functionName: string, events: number, bytes: number): void {
    const share = this.#share(functionName)
    share.events += events
    share.bytes += bytes
    this.#events += events
    this.#bytes += bytes
  }

  #share(functionName: string): FunctionShare {
    let share = this.#shares.get(functionName)
    if (share === undefined) {
      share = new FunctionShare()
      this.#shares.set(functionName, share)
    }
    return share
  }
}
