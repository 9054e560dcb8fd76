// Decides everything a mapping does with its records: filter, batch, retry, commit, pause.
import { commitRetryMs, spreadMax } from '../common/mapping-limits.ts'
import { Admission } from './admission.ts'
import { BackPressure } from './back-pressure.ts'
import type {
  Batch,
  BatchOutcome,
  CountedRun,
  Discard,
  Effect,
  InvocationReport,
  MappingRules,
} from './batch.ts'
import type { BatchGroup } from './batcher.ts'
import { checkpointsOf, CommitLedger } from './commit-ledger.ts'
import { Deliveries } from './deliveries.ts'
import { EventPollers } from './event-pollers.ts'
import type { Look } from './lag-cause.ts'
import { lagOf, lanesBehind, oldestOf, sumOver, type Lag } from './lag.ts'
import type { Lane } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import { lanesOf, Partition } from './partition.ts'
import { scalingBounds } from './scaler.ts'
import { Scaling } from './scaling.ts'
import { TumblingWindows } from './tumbling-windows.ts'
import type { RecordRun } from './sources/source.ts'

/**
 * Events go in by its methods, and `tick` says what is to be done. It never looks at a clock, a socket or a function.
 *
 * Invariants: a lane has at most one batch in flight or waiting for its retry; a committed offset
 * never passes an unfinished record; no record is finished but by a success, a filter, its size, or
 * because it was given up by the mapping's rules and its destination, if there is one, has it.
 */
export class Mapping {
  readonly #rules: MappingRules
  readonly #counters: MappingCounters
  readonly #pollers: EventPollers
  readonly #admission: Admission
  readonly #ledger: CommitLedger
  readonly #pressure: BackPressure
  readonly #partitions = new Map<number, Partition>()
  readonly #factor: number
  readonly #deliveries: Deliveries
  readonly #scaling: Scaling
  readonly #windows: TumblingWindows | undefined
  #effects: Effect[] = []
  #stopping = false

  /** `random` is in [0, 1). */
  constructor(rules: MappingRules, counters: MappingCounters, random: () => number) {
    this.#rules = rules
    this.#factor = rules.parallelizationFactor ?? 1
    this.#counters = counters
    this.#scaling = new Scaling(rules, counters, random)
    this.#pollers = new EventPollers(rules, {
      pollers: rules.pollersMin,
      invocationsEach: rules.invocationsPerPoller,
      bytesPerSecond: rules.pace?.pollerBytesPerSecond ?? Infinity,
    })
    this.#admission = new Admission(rules, counters, this.#pollers)
    this.#deliveries = new Deliveries({
      rules: rules.failure,
      counters,
      pollers: this.#pollers,
      random,
      release: (groups, nowMs) => this.#release(groups, nowMs),
      lose: (groups) => this.#lose(groups),
    })
    this.#ledger = new CommitLedger({ intervalMs: rules.commitIntervalMs, retryMs: commitRetryMs })
    const { tumbling } = rules
    this.#windows = tumbling && new TumblingWindows(tumbling, this.#pollers)
    const spread = tumbling?.recordsMax ?? (this.#factor === 1 ? Infinity : spreadMax)
    this.#pressure = new BackPressure(rules.bufferMaxBytes, spread)
  }

  /**
   * The partitions this member has from now on; see SourceListener for `continued` and the answer.
   * Those of others drop what waits, and what they have in flight is not committed. A lane of one that comes
   * back while its batch is still out goes on where that batch ends, and nothing is committed before it has been
   * read where others have left off.
   */
  assigned(partitions: readonly number[], continued: boolean): ReadonlyMap<number, number> {
    const positions = new Map<number, number>()
    const own = new Set(partitions)
    for (const partition of this.#partitions.values()) {
      if (!own.has(partition.partition)) this.#revoke(partition)
    }
    for (const number of partitions) {
      const partition = this.#partitions.get(number)
      if (partition === undefined || (!continued && partition.hasWindow)) {
        if (partition !== undefined) this.#revoke(partition)
        this.#partitions.set(number, new Partition(number, this.#factor))
        continue
      }
      if (!continued || !partition.assigned) partition.committedIsOld = true
      if (!continued) this.#empty(partition)
      else if (!partition.committedIsOld && partition.nextOffset !== undefined) {
        positions.set(number, partition.nextOffset)
      }
      partition.assigned = true
      partition.paused = false
      this.#ledger.note(partition)
    }
    this.#deal()
    this.#scaling.partitionsChanged()
    return positions
  }

  /** The partition's log was cut: what was read of it, and what is in flight, is of another log. */
  rewound(partition: number): void {
    const old = this.#partitions.get(partition)
    if (old?.assigned !== true) return
    this.#revoke(old)
    this.#partitions.set(partition, new Partition(partition, this.#factor))
    this.#deal()
  }

  recordsArrived(run: RecordRun, nowMs: number): void {
    const partition = this.#reads(run, run.records[0]?.offset)
    if (partition === undefined) return
    this.#effects.push(...this.#admission.admit(partition, run.records))
    this.#hasRead(partition, run.nextOffset, nowMs)
  }

  /** Records of which no more is known than how many there are; whoever counts them filters them as well. */
  recordsCounted(run: CountedRun, nowMs: number): void {
    const partition = this.#reads(run, run.firstOffset)
    if (partition === undefined) return
    this.#admission.admitCounted(partition, run)
    this.#hasRead(partition, run.nextOffset, nowMs)
  }

  /** `report` is of an invocation that reached the function. */
  batchEnded(batch: Batch, outcome: BatchOutcome, nowMs: number, report?: InvocationReport): void {
    this.#deliveries.ended(batch, outcome, nowMs, report)
  }

  /** `delivered` is whether the destination has the records. */
  discardEnded(discard: Discard, delivered: boolean, nowMs: number): void {
    this.#deliveries.discardEnded(discard, delivered, nowMs)
  }

  commitEnded(succeeded: boolean, nowMs: number): void {
    if (succeeded) this.#counters.committedEvents += this.#ledger.succeeded()
    else {
      this.#counters.commitErrors += 1
      this.#ledger.failed(nowMs)
    }
  }

  /** From now on nothing is sent; what is finished is committed without delay. */
  stop(): void {
    this.#stopping = true
    this.#ledger.hurry()
  }

  /** What is to be done now. */
  tick(nowMs: number): readonly Effect[] {
    const { paused, resumed } = this.#pressure.apply(this.#partitions)
    if (paused.length > 0) this.#effects.push({ kind: 'pause', partitions: paused })
    if (resumed.length > 0) this.#effects.push({ kind: 'resume', partitions: resumed })
    if (!this.#stopping) {
      this.#scale(nowMs)
      this.#deliveries.tick(nowMs)
      for (const groups of this.#pollers.next(nowMs)) this.#deliveries.begin(groups, nowMs)
      for (const [lane, how] of this.#windows?.ending(this.#partitions.values(), nowMs) ?? []) {
        this.#deliveries.endWindow(lane, how, nowMs)
      }
    }
    this.#effects.push(...this.#deliveries.takeEffects())
    const offsets = this.#ledger.next(nowMs)
    if (offsets !== undefined) this.#effects.push({ kind: 'commit', offsets })
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When `tick` has something to do if nothing happens before; undefined for never. */
  get wakeMs(): number | undefined {
    const times = [this.#ledger.dueMs]
    if (!this.#stopping) {
      times.push(this.#windows?.dueMs(this.#partitions.values()))
      times.push(this.#scaling.dueMs, this.#pollers.deadlineMs, this.#deliveries.dueMs)
    }
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  get rules(): MappingRules {
    return this.#rules
  }

  get eventPollers(): number {
    return this.#pollers.count
  }

  get invocationsInFlight(): number {
    return this.#pollers.invocationsInFlight
  }

  get invocationsMax(): number {
    return this.#pollers.invocationsMax
  }

  get lag(): Lag {
    return lagOf(this.#partitions.values())
  }

  get partitions(): Iterable<Partition> {
    return this.#partitions.values()
  }

  /** What is to be seen of its lag, and of what may be its cause. */
  look(nowMs: number): Look {
    return {
      atMs: nowMs,
      lanes: lanesBehind(this.#partitions.values(), this.#deliveries.holdups, nowMs),
      ...this.#counters.seen,
      partitions: this.lag.partitions,
      pollers: this.#pollers.count,
      pollersMost: scalingBounds(this.#rules, this.lag.partitions).most,
      invocationsInFlight: this.invocationsInFlight,
      invocationsMax: this.invocationsMax,
    }
  }

  /** The lowest offset of a partition that is not finished; undefined where nothing of it was read. */
  checkpointOf(partition: number): number | undefined {
    return this.#partitions.get(partition)?.checkpoint
  }

  /** Invocations of the batch that has failed most often and is not through; 0 if none has. */
  get attemptsMost(): number {
    return this.#deliveries.attemptsMost
  }

  /** Sendings to the destination that have not ended. */
  get discardsUnderWay(): number {
    return this.#deliveries.discardsUnderWay
  }

  /** Whether an offset is still to be committed, or a commit under way. */
  get hasUncommitted(): boolean {
    return this.#ledger.isUnderWay || this.#ledger.dueMs !== undefined
  }

  get bufferedRecords(): number {
    return sumOver(this.#partitions.values(), ({ records }) => records)
  }

  get bufferedBytes(): number {
    return sumOver(this.#partitions.values(), ({ bytes }) => bytes)
  }

  /** Undefined when all records are finished. */
  get oldestTimestampMs(): number | undefined {
    return oldestOf(this.#partitions.values())
  }

  /** Of its partitions, the lowest unfinished offset where that is above what the group has. */
  get checkpoints(): ReadonlyMap<number, number> {
    return checkpointsOf(this.#partitions.values())
  }

  /** Asserts what can be asserted between any two events. */
  check(): void {
    for (const partition of this.#partitions.values()) partition.check()
    this.#pollers.check()
  }

  /** Undefined where it is another's. */
  #reads(
    run: Pick<RecordRun, 'partition' | 'nextOffset' | 'endOffset' | 'ended'>,
    first: number | undefined,
  ): Partition | undefined {
    const known = this.#partitions.get(run.partition)
    if (first !== undefined && first < (known?.committedOffset ?? 0)) {
      // Reading starts at the committed offset or later, unless the log was cut or the group reset.
      this.rewound(run.partition)
    }
    const partition = this.#partitions.get(run.partition)
    if (partition?.assigned !== true) return undefined
    partition.found(first, run)
    return partition
  }

  #hasRead(partition: Partition, nextOffset: number, nowMs: number): void {
    partition.advance(nextOffset)
    for (const lane of partition.lanes) this.#pollers.offer(lane, nowMs)
    this.#ledger.note(partition)
  }

  #release(groups: readonly BatchGroup[], nowMs: number): void {
    for (const { lane, records } of groups) {
      lane.finish(records)
      const partition = this.#partitionOf(lane)
      if (partition === undefined) continue
      if (lane.assigned) {
        this.#pollers.offer(lane, nowMs)
        this.#ledger.note(partition)
      } else {
        this.#forget(partition)
      }
    }
  }

  /** Their partition must not come back as it is: should it, then all that is unfinished is read again. */
  #lose(groups: readonly BatchGroup[]): void {
    for (const { lane, records } of groups) {
      lane.finish(records)
      if (this.#partitionOf(lane) !== undefined) this.#partitions.delete(lane.partition)
    }
  }

  #scale(nowMs: number): void {
    const scaled = this.#scaling.tick(this.#partitions, this.#pollers, nowMs)
    if (scaled !== undefined) this.#effects.push({ kind: 'scaled', ...scaled })
  }

  #deal(): void {
    this.#pollers.deal(lanesOf(this.#partitions.values()))
  }

  #revoke(partition: Partition): void {
    partition.assigned = false
    // A window's state goes on nowhere else: should the partition come back, its windows begin again.
    if (partition.hasWindow) this.#partitions.delete(partition.partition)
    this.#empty(partition)
    this.#forget(partition)
  }

  #empty(partition: Partition): void {
    partition.reset()
    for (const lane of partition.lanes) this.#pollers.withdraw(lane)
  }

  /** One that is another's is kept only as long as a batch of it is out. */
  #forget(partition: Partition): void {
    if (partition.isInFlight || this.#partitions.get(partition.partition) !== partition) return
    this.#partitions.delete(partition.partition)
  }

  /** Undefined for a lane of one that was forgotten, or that began anew. */
  #partitionOf(lane: Lane): Partition | undefined {
    const partition = this.#partitions.get(lane.partition)
    return partition?.lanes[lane.slot] === lane ? partition : undefined
  }
}
