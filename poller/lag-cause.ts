// Names why a mapping is behind, from what was seen of it in the last seconds. Pure.

/**
 * `none`: not behind. `catching-up`: the lag falls. The others say what keeps it from falling, the first that is true in
 * the order of this list.
 */
export const lagCauses = [
  'none',
  'source-unreachable',
  'function-unreachable',
  'destination-unreachable',
  'poison-record',
  'throttled',
  'catching-up',
  'hot-partition',
  'slow-handler',
  'pollers-at-maximum',
  'scaling',
  'reading',
] as const
export type LagCause = (typeof lagCauses)[number]

/** One lane that is behind, at one moment. */
export interface LaneLook {
  readonly partition: number
  /** The lowest that is not finished. */
  readonly offset: number
  /** Offset lag in records, and the age of the oldest of them where that is known. */
  readonly records: number
  readonly ageMs: number | undefined
  readonly isInFlight: boolean
  /** Invocations of its batch that have failed; 0 where none has. */
  readonly failures: number
  /** Whether its batch was refused for want of concurrency when it was last tried. */
  readonly isThrottled: boolean
  /** Whether records of it that are given up wait for the destination. */
  readonly isUndelivered: boolean
}

/** A mapping at one moment. */
export interface Look {
  readonly atMs: number
  readonly partitions: number
  /** Those that are behind. */
  readonly lanes: readonly LaneLook[]
  /** Since the mapping's start. */
  readonly throttles: number
  readonly polledBytes: number
  readonly invocationMs: number
  readonly roomWaitMs: number
  readonly invocationsInFlight: number
  readonly invocationsMax: number
  /** Event pollers now, and the most there may be. */
  readonly pollers: number
  readonly pollersMost: number
}

/** What does not change while a mapping runs. */
export interface LagTerms {
  readonly windowMs: number
}

export interface LagJudgement {
  readonly atMs: number
  readonly cause: LagCause
  /** In a sentence, with the numbers; empty for `none`. */
  readonly detail: string
  readonly records: number
  readonly ageMs: number
  /** Records a second by which the lag grows; negative where it falls. */
  readonly trendPerSecond: number
}

/** What was found of a mapping, and of each of its lanes that are behind. */
export interface LagFinding {
  readonly judgement: LagJudgement
  readonly lanes: readonly LaneLook[]
  /** Of the looks that it was judged by. */
  readonly polledBytesPerSecond: number
}

/** What the shell knows and the core does not. */
export interface LagCircumstances {
  /** Why nothing can be read, in a sentence. */
  readonly sourceProblem?: string | undefined
  /** Why the function was not reached, or not run, when it was last tried. */
  readonly functionProblem?: string | undefined
  /** How the function failed when it last did. */
  readonly functionError?: string | undefined
  /** Why the destination did not take what is given up, when it was last tried. */
  readonly destinationProblem?: string | undefined
  /** Which limit refused the last invocation, as Lambda names it. */
  readonly throttleReason?: string | undefined
}

/** A batch that is late by less than this beyond its window is on its way. */
const graceMs = 1000
/** A lane with so much of the lag is what is behind, if there are some that are not. */
const hotShare = 0.8
/** In so many of the looks something has to be so to be what holds the mapping up. */
const mostly = 0.7

/** `looks` are in their order, the last one is now; at least one. */
export function judgeLag(
  terms: LagTerms,
  looks: readonly Look[],
  circumstances: LagCircumstances = {},
): LagJudgement {
  const last = looks.at(-1)
  if (last === undefined) throw new Error('there is a look')
  const records = recordsOf(last.lanes)
  const ageMs = Math.max(0, ...last.lanes.map((lane) => lane.ageMs ?? 0))
  const trendPerSecond = trendOf(looks)
  const facts = { last, looks, records, ageMs, trendPerSecond, ...circumstances }
  const [cause, detail] = named(terms, facts)
  return { atMs: last.atMs, cause, detail, records, ageMs, trendPerSecond }
}

interface Facts extends LagCircumstances {
  readonly last: Look
  readonly looks: readonly Look[]
  readonly records: number
  readonly ageMs: number
  readonly trendPerSecond: number
}

type Named = readonly [LagCause, string]

function named(terms: LagTerms, facts: Facts): Named {
  const { sourceProblem, functionProblem } = facts
  if (sourceProblem !== undefined) return ['source-unreachable', sourceProblem]
  if (!isBehind(terms, facts)) return ['none', '']
  if (functionProblem !== undefined) return ['function-unreachable', functionProblem]
  return (
    undelivered(facts) ??
    poison(facts) ??
    throttled(facts) ??
    catchingUp(facts) ??
    outOfRoom(facts) ??
    hotPartition(facts) ??
    atTheLimit(facts)
  )
}

/** Records that were read and not sent within the window, or a lane of which nothing was read yet. */
function isBehind({ windowMs }: LagTerms, { last, ageMs, records }: Facts): boolean {
  if (records === 0) return false
  const isUnread = last.lanes.some((lane) => lane.ageMs === undefined)
  return isUnread || ageMs > windowMs + graceMs
}

function undelivered({ last, records, destinationProblem }: Facts): Named | undefined {
  const held = last.lanes.filter(({ isUndelivered }) => isUndelivered)
  if (destinationProblem === undefined || !areMostOf(held, records)) return undefined
  return [
    'destination-unreachable',
    `${destinationProblem}; ${many(held.length, 'partition')} with ${recordsOf(held)} of ${records} records wait for it`,
  ]
}

function poison({ last, records, functionError }: Facts): Named | undefined {
  const failing = last.lanes.filter(({ failures }) => failures > 0)
  const worst = failing.toSorted((a, b) => b.failures - a.failures)[0]
  if (worst === undefined || !areMostOf(failing, records)) return undefined
  const { partition, offset, failures } = worst
  const others = failing.length > 1 ? `, and ${failing.length - 1} more` : ''
  const how = functionError === undefined ? '' : `, last with ${functionError}`
  return [
    'poison-record',
    `partition ${partition} from offset ${offset} on${others}: its batch has failed ${many(failures, 'time')} ` +
      `and is sent again${how}; ${recordsOf(failing)} of ${records} records wait behind such batches`,
  ]
}

/** Between two tries of what was refused some time passes, in which nothing more is. */
function throttled({ looks, last, records, throttleReason }: Facts): Named | undefined {
  const throttles = last.throttles - (looks[0]?.throttles ?? last.throttles)
  const refused = last.lanes.filter(({ isThrottled }) => isThrottled)
  if (throttles <= 0 && !areMostOf(refused, records)) return undefined
  const limit = throttleReason === undefined ? 'its concurrency' : throttleReason
  const waiting = `${many(refused.length, 'partition')} to be tried again`
  if (throttles <= 0) return ['throttled', `refused by ${limit}, ${waiting}`]
  const lately = `${many(throttles, 'invocation')} refused in the last seconds by ${limit}`
  return ['throttled', refused.length === 0 ? lately : `${lately}; ${waiting}`]
}

/** The lag falls by at least a thousandth a second: it ends within a quarter of an hour or so. */
function catchingUp({ trendPerSecond, records, looks }: Facts): Named | undefined {
  if (looks.length < 2 || -trendPerSecond <= Math.max(1, records / 1000)) return undefined
  const seconds = Math.ceil(records / -trendPerSecond)
  return [
    'catching-up',
    `${many(records, 'record')}, ${Math.round(-trendPerSecond)} less each second: about ${seconds} s`,
  ]
}

/** Half of the time of invocations and more goes by before they have an environment, of which there may be no more. */
function outOfRoom({ last, looks }: Facts): Named | undefined {
  const [first = last] = looks
  const tookMs = last.invocationMs - first.invocationMs
  const waitedMs = last.roomWaitMs - first.roomWaitMs
  if (tookMs <= 0 || waitedMs * 2 < tookMs) return undefined
  const percent = Math.min(100, Math.round((waitedMs / tookMs) * 100))
  return [
    'throttled',
    `${percent} % of the time of invocations they wait for an execution environment, of which --workers-max allows no more`,
  ]
}

function hotPartition({ last, records, looks }: Facts): Named | undefined {
  const most = last.lanes.toSorted((a, b) => b.records - a.records)[0]
  if (most === undefined || last.partitions < 2 || most.records < hotShare * records)
    return undefined
  const isBusy = share(looks, (look) => laneOf(look, most.partition)?.isInFlight === true)
  if (isBusy < mostly) return undefined
  const percent = Math.round((most.records / records) * 100)
  return [
    'hot-partition',
    `partition ${most.partition} has ${percent} % of the lag, and one batch of it runs at a time`,
  ]
}

function atTheLimit({ last, looks, records }: Facts): Named {
  const areLanesBusy = share(looks, ({ lanes }) => {
    return lanes.filter(({ isInFlight }) => isInFlight).length >= mostly * lanes.length
  })
  const behind = last.lanes.length
  if (areLanesBusy >= mostly) {
    return [
      'slow-handler',
      `${behind === 1 ? 'the one partition that is behind has' : `all ${behind} partitions that are behind have`} a batch with the function: larger batches, a quicker handler or more partitions`,
    ]
  }
  const isFull = share(looks, (look) => look.invocationsInFlight >= look.invocationsMax)
  if (isFull >= mostly && last.pollers >= last.pollersMost) {
    return [
      'pollers-at-maximum',
      `${many(last.pollers, 'event poller')} with ${many(last.invocationsMax, 'invocation')} at once: there may be no more`,
    ]
  }
  if (isFull >= mostly) {
    return [
      'scaling',
      `${many(last.pollers, 'event poller')} of at most ${last.pollersMost} so far, all busy`,
    ]
  }
  return ['reading', `${records} records wait, and are read no faster than they come`]
}

function recordsOf(lanes: readonly LaneLook[]): number {
  return lanes.reduce((sum, lane) => sum + lane.records, 0)
}

/** Whether at least half of what the mapping is behind by is in these lanes. */
function areMostOf(lanes: readonly LaneLook[], records: number): boolean {
  return lanes.length > 0 && recordsOf(lanes) * 2 >= records
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function laneOf({ lanes }: Look, partition: number): LaneLook | undefined {
  return lanes.find((lane) => lane.partition === partition)
}

/** In which share of the looks it is so. */
function share(looks: readonly Look[], isSo: (look: Look) => boolean): number {
  return looks.filter(isSo).length / looks.length
}

function trendOf(looks: readonly Look[]): number {
  const [first, last] = [looks[0], looks.at(-1)]
  if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
  return ((recordsOf(last.lanes) - recordsOf(first.lanes)) * 1000) / (last.atMs - first.atMs)
}
