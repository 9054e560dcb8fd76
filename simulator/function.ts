// A function as a mapping meets it: how long it takes, what it fails on, how many run at once, what is billed.
import type { Batch, BatchOutcome, InvocationReport } from '../poller/batch.ts'
import type { BatchGroup } from '../poller/batcher.ts'
import { recordsOf } from '../poller/groups.ts'
import { countOf, split, type LaneRecord } from '../poller/lane.ts'
import { AwsPace } from '../workers/aws-pace.ts'
import { randomFrom, standardNormal, type Random } from './random.ts'
import type { Scenario } from './scenario.ts'
import type { Topic } from './topic.ts'

/** What becomes of an invocation; all of it is known when it begins. */
export interface Answer {
  readonly atMs: number
  readonly outcome: BatchOutcome
  readonly report?: InvocationReport
  /** What the function has done its work on, whether or not its answer arrives. */
  readonly handled: readonly BatchGroup[]
  /** Whether it takes an environment until then. */
  readonly ran: boolean
}

/** Until a refusal, or a function that cannot be reached, is known. */
const refusalMs = 5
const unreachedMs = 1000
/** Lambda keeps idle environments for minutes. */
const warmMs = 5 * 60_000

export class SimulatedFunction {
  readonly #scenario: Scenario
  readonly #topic: Topic
  readonly #random: Random
  readonly #pace: AwsPace | undefined
  /** Since when the environments stand idle, the longest first. */
  readonly #idle: number[] = []
  /** How often the function has seen each poison record. */
  readonly #sightings = new Map<string, number>()
  running = 0
  most = 0
  invocations = 0
  /** Of tumbling windows, those that succeeded. */
  finalInvocations = 0
  errors = 0
  timeouts = 0
  throttles = 0
  coldStarts = 0
  billedMs = 0
  handledRecords = 0

  constructor(scenario: Scenario, topic: Topic) {
    this.#scenario = scenario
    this.#topic = topic
    this.#random = randomFrom(scenario.seed, 'function')
    this.#pace = scenario.pace === 'aws' ? new AwsPace() : undefined
  }

  /** Cuts the batch's records where only some of those that one entry stands for fail. */
  invoke(batch: Batch, nowMs: number): Answer {
    const { failures } = this.#scenario
    if (this.#happens(failures.unreached)) {
      return { atMs: nowMs + unreachedMs, outcome: 'unreached', handled: [], ran: false }
    }
    if (!this.#admits(nowMs)) {
      this.throttles += 1
      return { atMs: nowMs + refusalMs, outcome: 'throttled', handled: [], ran: false }
    }
    const cold = this.#takeEnvironment(nowMs) ? 0 : this.#scenario.function.coldStartMs
    const { timeoutMs } = this.#scenario.function
    const wantedMs = this.#happens(failures.timeouts) ? Infinity : this.#duration(batch)
    const tookMs = Math.min(wantedMs, timeoutMs)
    this.billedMs += Math.ceil(tookMs + cold)
    const atMs = nowMs + tookMs + cold
    if (wantedMs > timeoutMs) {
      this.timeouts += 1
      this.errors += 1
      return { atMs, outcome: 'failed', report: unhandled, handled: [], ran: true }
    }
    return this.#judge(batch, atMs)
  }

  /** An invocation that ran is over. */
  ended(nowMs: number): void {
    this.running -= 1
    this.#idle.push(nowMs)
  }

  /** Most executions at once since it was last asked. */
  takeMost(): number {
    const { most } = this
    this.most = this.running
    return most
  }

  #judge(batch: Batch, atMs: number): Answer {
    const { failures, mapping } = this.#scenario
    if (this.#happens(failures.errors)) return this.#erred(atMs)
    const failed = this.#failOn(batch)
    if (failed.size > 0 && !mapping.reportsItemFailures) return this.#erred(atMs)
    const handled = failed.size === 0 ? batch.groups : without(batch.groups, failed)
    this.handledRecords += recordsOf(handled)
    if (this.#happens(failures.lostAnswers)) {
      return { atMs, outcome: 'unreached', handled, ran: true }
    }
    const state = stateAfter(batch, handled)
    if (batch.window?.isFinal === true) this.finalInvocations += 1
    if (failed.size === 0) {
      const report = state === undefined ? {} : { report: { ...unhandled, ...state } }
      return { atMs, outcome: 'succeeded', handled, ran: true, ...report }
    }
    const report = { ...unhandled, functionError: null, failed, ...state }
    return { atMs, outcome: 'failed', report, handled, ran: true }
  }

  #erred(atMs: number): Answer {
    this.errors += 1
    return { atMs, outcome: 'failed', report: unhandled, handled: [], ran: true }
  }

  /** The records of the batch that it fails on this time; each becomes an entry of its own. */
  #failOn(batch: Batch): ReadonlySet<LaneRecord> {
    const failed = new Set<LaneRecord>()
    if (this.#scenario.failures.poison === 0) return failed
    batch.groups = batch.groups.map((group) => {
      const records = group.records.flatMap((record) => {
        const end = record.offset + countOf(record)
        const poison = this.#topic.poison(group.partition, record.offset, end)
        const bad = poison.filter((offset) => this.#isSeen(group.partition, offset))
        return bad.length === 0 ? [record] : cutOut(record, bad, failed)
      })
      return { ...group, records }
    })
    return failed
  }

  /** Counts a sighting; false where the record has been failed on often enough. */
  #isSeen(partition: number, offset: number): boolean {
    const { poisonTimes } = this.#scenario.failures
    if (poisonTimes === Infinity) return true
    const key = `${partition}:${offset}`
    const times = this.#sightings.get(key) ?? 0
    this.#sightings.set(key, times + 1)
    return times < poisonTimes
  }

  #admits(nowMs: number): boolean {
    const { concurrency } = this.#scenario.function
    if (this.running >= concurrency) return false
    const executions = this.running + 1
    const of = { executions, limit: concurrency, isReserved: false, nowMs }
    return this.#pace?.admit('function', of) === undefined
  }

  /** Whether one stood idle. */
  #takeEnvironment(nowMs: number): boolean {
    this.invocations += 1
    this.running += 1
    this.most = Math.max(this.most, this.running)
    while (this.#idle[0] !== undefined && nowMs - this.#idle[0] > warmMs) this.#idle.shift()
    if (this.#idle.pop() !== undefined) return true
    this.coldStarts += 1
    return false
  }

  #duration(batch: Batch): number {
    const { duration, batchMs, recordMs, spread } = this.#scenario.function
    const mean = batchMs + (recordMs === 0 ? 0 : recordMs * recordsOf(batch.groups))
    if (duration === 'constant' || spread === 0) return mean
    const z = standardNormal(this.#random)
    if (duration === 'normal') return Math.max(0, mean * (1 + spread * z))
    const variance = Math.log(1 + spread * spread)
    return mean * Math.exp(Math.sqrt(variance) * z - variance / 2)
  }

  #happens(chance: number): boolean {
    return chance > 0 && this.#random() < chance
  }
}

const unhandled: InvocationReport = {
  requestId: 'simulated',
  executedVersion: '$LATEST',
  functionError: 'Unhandled',
}

/** Of a window: how many records of it are handled. */
function stateAfter(
  { window }: Batch,
  handled: readonly BatchGroup[],
): { readonly state: string } | undefined {
  if (window === undefined) return undefined
  const { count = 0 } = JSON.parse(window.state) as { readonly count?: number }
  return { state: JSON.stringify({ count: count + recordsOf(handled) }) }
}

/** The record in pieces, those at `offsets` by themselves and noted in `into`. */
function cutOut(
  record: LaneRecord,
  offsets: readonly number[],
  into: Set<LaneRecord>,
): readonly LaneRecord[] {
  const pieces: LaneRecord[] = []
  let rest: LaneRecord | undefined = record
  for (const offset of offsets) {
    if (rest === undefined) break
    if (offset > rest.offset) {
      const [before, after]: readonly [LaneRecord, LaneRecord] = split(rest, offset - rest.offset)
      pieces.push(before)
      rest = after
    }
    const [bad, after]: readonly [LaneRecord, LaneRecord | undefined] =
      countOf(rest) === 1 ? [rest, undefined] : split(rest, 1)
    pieces.push(bad)
    into.add(bad)
    rest = after
  }
  if (rest !== undefined) pieces.push(rest)
  return pieces
}

function without(
  groups: readonly BatchGroup[],
  failed: ReadonlySet<LaneRecord>,
): readonly BatchGroup[] {
  return groups.map((group) => ({
    ...group,
    records: group.records.filter((record) => !failed.has(record)),
  }))
}
