// Lets records that arrive into their lane: filters them, counts their bytes, keeps what the lane is to hold.
import type { RawRecord } from '../events/raw-record.ts'
import { criteriaMatches } from '../filter/criteria.ts'
import type { Effect, MappingRules } from './batch.ts'
import { recordSizer } from './event.ts'
import type { EventPollers } from './event-pollers.ts'
import { keptRecords, rawRecord, withoutContent } from './kept-records.ts'
import type { Lane } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import type { SourceRecord } from './sources/source.ts'

export class Admission {
  readonly #rules: MappingRules
  readonly #counters: MappingCounters
  readonly #pollers: EventPollers

  constructor(rules: MappingRules, counters: MappingCounters, pollers: EventPollers) {
    this.#rules = rules
    this.#counters = counters
    this.#pollers = pollers
  }

  /** Returns what is to be told of records that no event can hold, and that nobody else takes. */
  admit(lane: Lane, records: readonly SourceRecord[]): readonly Effect[] {
    const { partition } = lane
    const sizeOf = recordSizer(this.#rules.frame, partition)
    const skipped: Effect[] = []
    for (const content of keptRecords(this.#select(lane, records))) {
      const { offset, timestampMs } = content
      const sizeBytes = sizeOf(content)
      if (this.#pollers.fits(partition, sizeBytes)) {
        lane.push({ offset, timestampMs, content, sizeBytes })
      } else if (this.#rules.failure.destination === undefined) {
        this.#counters.oversizedEvents += 1
        skipped.push({ kind: 'skipped', record: { partition, offset }, sizeBytes })
      } else {
        const small = withoutContent(content)
        const smallBytes = sizeOf(small)
        const of = { content: small, sizeBytes: smallBytes, oversizedBytes: sizeBytes }
        lane.push({ offset, timestampMs, ...of })
      }
    }
    return skipped
  }

  #select(lane: Lane, records: readonly SourceRecord[]): readonly RawRecord[] {
    const { criteria } = this.#rules
    const from = lane.nextOffset ?? 0
    const selected: RawRecord[] = []
    let known = 0
    for (const record of records) {
      // Read again after a rebalance: in hand already, or finished.
      if (record.offset < from) known += 1
      else if (criteriaMatches(criteria, record)) selected.push(rawRecord(record))
    }
    const fresh = records.length - known
    this.#counters.polledEvents += fresh
    this.#counters.filteredOutEvents += fresh - selected.length
    return selected
  }
}
