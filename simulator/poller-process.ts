// One process of the poller in a simulation: a mapping, what it reads, and what it asks to be done.
import type { Batch, Discard, Effect, MappingRules } from '../poller/batch.ts'
import { MappingCounters } from '../poller/mapping-counters.ts'
import { Mapping } from '../poller/mapping.ts'
import type { Group } from './group.ts'
import type { Random } from './random.ts'

/** What a process leaves to the world around it. */
export interface World {
  readonly group: Group
  readonly nowMs: number
  /** Whether a source says where it begins to read, before it reads anything; a stream's does. */
  readonly tellsStarts: boolean
  invoke(process: PollerProcess, batch: Batch): void
  discard(process: PollerProcess, discard: Discard): void
  /** Records that are given up without a destination, and records that no event can hold. */
  dropped(process: PollerProcess, discard: Discard): void
  skipped(partition: number, offset: number): void
  windowDropped(process: PollerProcess, window: Extract<Effect, { kind: 'windowDropped' }>): void
  commit(process: PollerProcess, offsets: ReadonlyMap<number, number>): void
  /** It reads partitions again that it did not read before. */
  readsAgain(): void
}

export class PollerProcess {
  readonly mapping: Mapping
  readonly counters = new MappingCounters()
  readonly #world: World
  readonly #positions: Float64Array
  readonly #paused = new Set<number>()
  #owned = new Set<number>()
  isAlive = true

  constructor(rules: MappingRules, random: Random, world: World) {
    this.#world = world
    this.mapping = new Mapping(rules, this.counters, random)
    this.#positions = new Float64Array(world.group.committed.length)
  }

  get partitions(): ReadonlySet<number> {
    return this.#owned
  }

  reads(partition: number): boolean {
    return this.#owned.has(partition) && !this.#paused.has(partition)
  }

  position(partition: number): number {
    return this.#positions[partition] ?? 0
  }

  moveTo(partition: number, offset: number): void {
    this.#positions[partition] = offset
  }

  assigned(partitions: readonly number[], continued: boolean): void {
    const before = this.#owned
    const readOn = this.mapping.assigned(partitions, continued)
    this.#owned = new Set(partitions)
    this.#paused.clear()
    for (const partition of partitions) {
      const committed = this.#world.group.committed[partition] ?? 0
      this.#positions[partition] = readOn.get(partition) ?? committed
      const isAnew = !continued || !before.has(partition)
      if (isAnew && this.#world.tellsStarts) this.tell(partition, committed, false)
    }
    this.#world.readsAgain()
  }

  /** Without a record: reading has come to `offset`, and where it has `ended` nothing follows. */
  tell(partition: number, offset: number, ended: boolean): void {
    const run = { partition, records: [], nextOffset: offset, endOffset: offset, ended }
    this.mapping.recordsArrived(run, this.#world.nowMs)
  }

  tick(nowMs: number): void {
    for (const effect of this.mapping.tick(nowMs)) this.#run(effect)
  }

  #run(effect: Effect): void {
    switch (effect.kind) {
      case 'invoke':
        return this.#world.invoke(this, effect.batch)
      case 'discard':
        return this.#world.discard(this, effect.discard)
      case 'dropped':
        return this.#world.dropped(this, effect.discard)
      case 'skipped':
        return this.#world.skipped(effect.record.partition, effect.record.offset)
      case 'commit':
        return this.#world.commit(this, effect.offsets)
      case 'pause':
        for (const partition of effect.partitions) this.#paused.add(partition)
        return
      case 'resume':
        for (const partition of effect.partitions) this.#paused.delete(partition)
        return this.#world.readsAgain()
      case 'windowDropped':
        return this.#world.windowDropped(this, effect)
      case 'scaled':
    }
  }
}
