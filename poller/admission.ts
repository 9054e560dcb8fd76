// Lets records that arrive into their lane: filters them, counts their bytes, keeps what the lane is to hold.
import type { RawRecord } from '../events/raw-record.ts'
import { FetchedRecord } from '../kafka-consumer/fetched-record.ts'
import { criteriaMatches, type Criteria } from '../filter/criteria.ts'
import type { CountedRun, Effect, MappingRules } from './batch.ts'
import { recordSizer } from './event.ts'
import { polledBytesOf } from './event-poller-units.ts'
import type { EventPollers } from './event-pollers.ts'
import { keptRecords, rawRecord, withoutContent } from './kept-records.ts'
import { countOf, split, type LaneRecord } from './lane.ts'
import type { MappingCounters } from './mapping-counters.ts'
import type { Partition } from './partition.ts'
import { slotOf } from './slot.ts'
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
  admit(to: Partition, records: readonly SourceRecord[]): readonly Effect[] {
    const { partition } = to
    const sizeOf = recordSizer(this.#rules.frame, partition)
    const skipped: Effect[] = []
    const latestMs = records.at(-1)?.timestampMs
    if (latestMs !== undefined && latestMs > to.latestMs) to.latestMs = latestMs
    const only = to.lanes.length === 1 ? to.lane(0) : undefined
    for (const content of keptRecords(this.#select(to, records))) {
      const { offset, timestampMs } = content
      const lane = only ?? to.lane(slotOf(content, to.lanes.length))
      if (offset < lane.knownBelow) {
        this.#counters.polledEvents -= 1
        continue
      }
      const sizeBytes = sizeOf(content)
      if (content.failure !== undefined && this.#rules.failure.destination === undefined) {
        this.#counters.droppedEvents += 1
      } else if (this.#pollers.fits(partition, sizeBytes)) {
        lane.push(kept(content, sizeBytes))
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

  /** Whoever counts records filters them as well. */
  admitCounted(to: Partition, { firstOffset, nextOffset, entries }: CountedRun): void {
    this.#counters.polledEvents += nextOffset - firstOffset
    this.#counters.filteredOutEvents += nextOffset - firstOffset
    const from = to.nextOffset ?? 0
    to.latestMs = Math.max(to.latestMs, entries.at(-1)?.timestampMs ?? 0)
    for (const { slot = 0, ...entry } of entries) {
      const lane = to.lane(slot)
      const known = Math.max(0, Math.max(from, lane.knownBelow) - entry.offset)
      if (known >= countOf(entry)) continue
      const fresh = known === 0 ? entry : split(entry, known)[1]
      this.#counters.filteredOutEvents -= countOf(fresh)
      lane.push(fresh)
    }
  }

  /** What could not be read by its schema, no filter has looked into: it is given up as what it is. */
  #passes(criteria: Criteria, record: SourceRecord): boolean {
    if (record.failure !== undefined) return true
    const { filtered } = record
    return criteriaMatches(criteria, filtered === undefined ? record : { ...record, ...filtered })
  }

  #select(to: Partition, records: readonly SourceRecord[]): readonly RawRecord[] {
    const { criteria } = this.#rules
    const from = to.nextOffset ?? 0
    let known = 0
    let bytes = 0
    const all = criteria.patterns.length === 0 ? allFetched(records, from) : undefined
    if (all !== undefined) {
      for (const record of all) bytes += polledBytesOf(record)
      this.#counters.polledBytes += bytes
      this.#counters.polledEvents += all.length
      return all
    }
    const selected: RawRecord[] = []
    for (const record of records) {
      // Read again after a rebalance: in hand already, or finished.
      if (record.offset < from) {
        known += 1
        continue
      }
      bytes += polledBytesOf(record)
      if (this.#passes(criteria, record)) selected.push(rawRecord(record))
    }
    this.#counters.polledBytes += bytes
    const fresh = records.length - known
    this.#counters.polledEvents += fresh
    this.#counters.filteredOutEvents += fresh - selected.length
    return selected
  }
}

/** The same list, if it is of our own consumer and nothing in it was read before. */
function allFetched(
  records: readonly SourceRecord[],
  from: number,
): readonly FetchedRecord[] | undefined {
  const isNew = (record: SourceRecord): record is FetchedRecord =>
    record instanceof FetchedRecord && record.offset >= from
  return records.every(isNew) ? records : undefined
}

/** A record of our own consumer is an entry of a lane as it is. */
function kept(content: RawRecord, sizeBytes: number): LaneRecord {
  if (content instanceof FetchedRecord) {
    content.sizeBytes = sizeBytes
    return content
  }
  const { offset, timestampMs } = content
  return { offset, timestampMs, content, sizeBytes }
}
