// Watches the tumbling windows of a simulation: each has all of its records, and one final invocation of its lane.
import assert from 'node:assert'
import type { Batch, BatchOutcome } from '../../poller/batch.ts'
import type { BatchGroup } from '../../poller/batcher.ts'
import type { Lane } from '../../poller/lane.ts'
import { slotOfKey } from '../../poller/slot.ts'
import { keyAt } from '../../simulator/depth.ts'
import type { Simulation } from '../../simulator/simulation.ts'

export class WindowWitness {
  readonly #simulation: () => Simulation
  /** Windows that have ended, by partition, slot and start. */
  readonly #ended = new Set<string>()
  readonly #endedOf = new Map<Lane, Set<number>>()
  readonly #givenUp = new Set<string>()
  finals = 0

  constructor(simulation: () => Simulation) {
    this.#simulation = simulation
  }

  /** Records are of their window, and those of a final invocation are none. */
  invoked({ window, groups }: Batch): void {
    if (window === undefined) return
    for (const { records } of groups) {
      assert.equal(records.length === 0, window.isFinal)
      for (const { timestampMs } of records) {
        assert(timestampMs >= window.startMs && timestampMs < window.endMs, 'of another window')
      }
    }
  }

  ended({ window, groups: [group] }: Batch, outcome: BatchOutcome): void {
    if (window?.isFinal !== true || outcome !== 'succeeded' || group === undefined) return
    const { lane, partition } = group
    // Of a lane that is another's it says nothing.
    if (!lane.assigned) return
    const { startMs, endMs, state } = window
    const before = this.#endedOf.get(lane) ?? new Set()
    assert(!before.has(startMs), 'a window has a second final invocation')
    this.#endedOf.set(lane, before.add(startMs))
    this.#ended.add(`${partition}:${lane.slot}:${startMs}`)
    this.finals += 1
    const { count } = JSON.parse(state) as { readonly count?: number }
    const all = this.#recordsOf(partition, lane.slot, { startMs, endMs })
    const given = all.filter((offset) => this.#givenUp.has(`${partition}:${offset}`)).length
    const text = `${count} of ${all.length} records are in the state of a window, ${given} given up`
    assert((count ?? 0) <= all.length && (count ?? 0) >= all.length - given, text)
  }

  givenUp(groups: readonly BatchGroup[]): void {
    for (const { partition, records } of groups) {
      for (const { offset } of records) this.#givenUp.add(`${partition}:${offset}`)
    }
  }

  /** All is through: every window of a record that was not given up has ended. */
  check(): void {
    const { topic, rules, nowMs, droppedWindows } = this.#simulation()
    const { tumbling } = rules
    if (tumbling === undefined || droppedWindows > 0) return
    for (let partition = 0; partition < topic.partitions; partition++) {
      const end = topic.end(partition, nowMs)
      for (let offset = 0; offset < end; offset++) {
        if (!topic.isKept(offset) || this.#givenUp.has(`${partition}:${offset}`)) continue
        const { lengthMs } = tumbling
        const startMs = Math.floor(topic.timestampMs(partition, offset) / lengthMs) * lengthMs
        const window = `${partition}:${this.#slotOf(offset)}:${startMs}`
        assert(this.#ended.has(window), `window ${window} has no final invocation`)
      }
    }
  }

  #recordsOf(
    partition: number,
    slot: number,
    { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  ): readonly number[] {
    const { topic, nowMs } = this.#simulation()
    const offsets: number[] = []
    const end = topic.end(partition, nowMs)
    for (let offset = 0; offset < end; offset++) {
      const timestampMs = topic.timestampMs(partition, offset)
      if (timestampMs >= endMs) break
      if (timestampMs < startMs || !topic.isKept(offset)) continue
      if (this.#slotOf(offset) === slot) offsets.push(offset)
    }
    return offsets
  }

  #slotOf(offset: number): number {
    const { rules, scenario } = this.#simulation()
    const { parallelizationFactor = 1 } = rules
    const key = keyAt(scenario, offset)
    return key === null ? offset % parallelizationFactor : slotOfKey(key, parallelizationFactor)
  }
}
