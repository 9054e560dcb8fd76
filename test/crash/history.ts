// Judges what clients of a broker have seen: says in words whatever a log that keeps its promises cannot do.

/** One record of a producer: it numbers them as it sends them. */
export interface RecordId {
  readonly producer: string
  readonly sequence: number
}

/** Where a record lies. */
export interface Place {
  readonly partition: number
  readonly offset: number
}

export type HistoryEvent =
  | ({ readonly kind: 'sent'; readonly partition: number } & RecordId)
  /** The broker said that the record is written, and where. */
  | ({ readonly kind: 'acknowledged' } & RecordId & Place)
  /**
   * A member of the group was handed the record. `claim` is new whenever the member begins to read anew: with
   * an assignment, or after an error.
   */
  | ({ readonly kind: 'polled'; readonly member: string; readonly claim: number } & RecordId &
      Place)
  /** The broker said that the group goes on at `offset`. */
  | ({ readonly kind: 'committed'; readonly member: string } & Place)

export interface History {
  /** In the order in which they came about. */
  readonly events: readonly HistoryEvent[]
  /** What the log holds at the end, read from its beginning, in its order. */
  readonly log: readonly (RecordId & Place)[]
}

export interface HistoryRules {
  /** Producers whose records may not be there twice. */
  readonly idempotent: ReadonlySet<string>
}

/** Empty where nothing is wrong. Offsets have no gaps: no transactions, no compaction, no retention. */
export function violations(history: History, rules: HistoryRules): readonly string[] {
  return [
    ...readWithoutSend(history),
    ...valuesPerPlace(history),
    ...lostRecords(history),
    ...brokenProducers(history, rules),
    ...gapsOfLog(history),
    ...brokenClaims(history),
    ...brokenCommits(history),
    ...unseenRecords(history),
  ]
}

type Kind = HistoryEvent['kind']
type EventOf<K extends Kind> = Extract<HistoryEvent, { kind: K }>

function eventsOf<K extends Kind>({ events }: History, kind: K): readonly EventOf<K>[] {
  return events.filter((event): event is EventOf<K> => event.kind === kind)
}

const nameOf = ({ producer, sequence }: RecordId): string => `${producer}:${sequence}`
const placeOf = ({ partition, offset }: Place): string => `${partition}/${offset}`

function readWithoutSend(history: History): readonly string[] {
  const sent = new Map(eventsOf(history, 'sent').map((event) => [nameOf(event), event.partition]))
  const read = [...eventsOf(history, 'polled'), ...history.log]
  return read
    .filter((record) => sent.get(nameOf(record)) !== record.partition)
    .map((record) => `${nameOf(record)} was read at ${placeOf(record)} and never sent there`)
}

function valuesPerPlace(history: History): readonly string[] {
  const found = new Map<string, string>()
  const told = [
    ...eventsOf(history, 'acknowledged'),
    ...eventsOf(history, 'polled'),
    ...history.log,
  ]
  return told.flatMap((record) => {
    const [place, name] = [placeOf(record), nameOf(record)]
    const known = found.get(place) ?? name
    found.set(place, known)
    return known === name ? [] : [`${place} holds ${known} and ${name}`]
  })
}

function lostRecords(history: History): readonly string[] {
  const present = new Set(history.log.map(placeOf))
  return eventsOf(history, 'acknowledged')
    .filter((record) => !present.has(placeOf(record)))
    .map((record) => `${nameOf(record)} was acknowledged at ${placeOf(record)} and is lost`)
}

/** Each producer sends one request at a time, so first copies keep its order within a partition. */
function brokenProducers({ log }: History, { idempotent }: HistoryRules): readonly string[] {
  const flaws: string[] = []
  const last = new Map<string, number>()
  const seen = new Map<string, Place>()
  for (const record of log) {
    const name = nameOf(record)
    const first = seen.get(name)
    if (first !== undefined) {
      if (!idempotent.has(record.producer)) continue
      flaws.push(`${name} lies at ${placeOf(first)} and at ${placeOf(record)}`)
      continue
    }
    seen.set(name, record)
    const lane = `${record.producer} ${record.partition}`
    const before = last.get(lane) ?? -1
    if (record.sequence < before) {
      flaws.push(`${name} at ${placeOf(record)} lies behind ${record.producer}:${before}`)
    }
    last.set(lane, Math.max(before, record.sequence))
  }
  return flaws
}

function gapsOfLog({ log }: History): readonly string[] {
  const next = new Map<number, number>()
  return log.flatMap(({ partition, offset }) => {
    const due = next.get(partition) ?? 0
    next.set(partition, offset + 1)
    return offset === due ? [] : [`the log of ${partition} has ${offset} where ${due} is due`]
  })
}

function brokenClaims(history: History): readonly string[] {
  const next = new Map<string, number>()
  return eventsOf(history, 'polled').flatMap(({ member, claim, partition, offset }) => {
    const key = `${member} ${claim} ${partition}`
    const due = next.get(key) ?? offset
    next.set(key, offset + 1)
    if (offset === due) return []
    const what = offset > due ? 'skipped to' : 'went back to'
    return [`${member} ${what} ${partition}/${offset} where ${due} was due`]
  })
}

/**
 * The group never goes on behind a record that no member was handed, and a member that begins anew begins no
 * earlier than where the group was told, before, that it goes on.
 */
function brokenCommits({ events }: History): readonly string[] {
  const flaws: string[] = []
  const polled = new Map<number, Set<number>>()
  const handed = new Map<number, number>()
  const committed = new Map<number, { offset: number; at: number }[]>()
  const claims = new Map<string, number>()
  for (const [at, event] of events.entries()) {
    if (event.kind === 'polled') {
      const { partition, offset, member, claim } = event
      const offsets = polled.get(partition) ?? new Set<number>()
      polled.set(partition, offsets.add(offset))
      const key = `${member} ${claim} ${partition}`
      if (claims.has(key)) continue
      claims.set(key, at)
      const before = beganBefore(events, member, claim)
      const known = committed.get(partition)?.findLast((commit) => commit.at < before)
      if (known !== undefined && offset < known.offset) {
        flaws.push(`${member} began at ${placeOf(event)}, committed was ${known.offset}`)
      }
    } else if (event.kind === 'committed') {
      const { partition, offset } = event
      const offsets = polled.get(partition) ?? new Set<number>()
      let next = handed.get(partition) ?? 0
      while (offsets.has(next)) next += 1
      handed.set(partition, next)
      if (offset > next)
        flaws.push(`${placeOf(event)} was committed, only up to ${next} was polled`)
      const commits = committed.get(partition) ?? []
      commits.push({ offset, at })
      committed.set(partition, commits)
    }
  }
  return flaws
}

/** Where a member's claim surely had not begun yet: behind the last event of its claim before. */
function beganBefore(events: readonly HistoryEvent[], member: string, claim: number): number {
  const last = events.findLastIndex(
    (event) => event.kind === 'polled' && event.member === member && event.claim < claim,
  )
  return last + 1
}

function unseenRecords(history: History): readonly string[] {
  const polled = new Set(eventsOf(history, 'polled').map(placeOf))
  return history.log
    .filter((record) => !polled.has(placeOf(record)))
    .map((record) => `${nameOf(record)} at ${placeOf(record)} was polled by nobody`)
}
