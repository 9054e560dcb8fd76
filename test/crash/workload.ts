// Says what runs under the kills of a mapping's roles: where numbered records come from, and the functions that they go to.
import type { CreateEventSourceMappingRequest } from '@aws-sdk/client-lambda'

export interface WorkloadPorts {
  readonly kafka: number
  readonly kinesis: number
  readonly workers: number
}

/** A function of its own, which writes what it was given to the file named by `OUT`, and how it is mapped. */
export interface WorkloadMapping {
  readonly functionName: string
  /** Source of `index.mjs`; its lines are GivenRecords, in windows WindowLines as well. */
  readonly handler: string
  readonly request: Omit<CreateEventSourceMappingRequest, 'FunctionName'>
  readonly isWindowed: boolean
}

export interface Workload {
  /** What was sent, and what of it was acknowledged. */
  readonly records: NumberedRecords
  /** Makes the topic or the stream. */
  create(): Promise<readonly WorkloadMapping[]>
  /** Sends until it is stopped; resolves when it has begun. */
  send(): Promise<Sending>
  /** Called as a round begins, with its length: what else is to happen amid the kills. */
  disturb?(roundMs: number): void
}

export interface Sending {
  stop(): Promise<void>
}

export type WorkloadFactory = (ports: WorkloadPorts, random: () => number) => Workload

/** Numbers the records of each key from 0 on. */
export class NumberedRecords {
  readonly #next = new Map<string, number>()
  readonly #acknowledged = new Map<string, number>()
  sent = 0

  next(key: string): { readonly key: string; readonly value: string } {
    const number = this.#next.get(key) ?? 0
    this.#next.set(key, number + 1)
    this.sent += 1
    return { key, value: String(number) }
  }

  acknowledge(key: string): void {
    this.#acknowledged.set(key, (this.#acknowledged.get(key) ?? 0) + 1)
  }

  /** How many of each key, from 0 on. */
  get acknowledged(): ReadonlyMap<string, number> {
    return this.#acknowledged
  }
}
