// A stream whose shards are split and merged under load, and a mapping's decisions that read it; asserts what they promise.
import assert from 'node:assert'
import { payloadMaxBytes } from '../../common/limits.ts'
import { compileCriteria } from '../../filter/criteria.ts'
import type { Batch, Effect, MappingRules } from '../../poller/batch.ts'
import { streamFrame } from '../../poller/event.ts'
import { recordsOf } from '../../poller/groups.ts'
import { MappingCounters } from '../../poller/mapping-counters.ts'
import { Mapping } from '../../poller/mapping.ts'
import { noFailureRules } from '../../poller/retry-policy.ts'
import { slotOfKey } from '../../poller/slot.ts'
import type { SourceRecord } from '../../poller/sources/source.ts'
import type { Random } from '../../simulator/random.ts'

interface Shard {
  readonly parents: readonly Shard[]
  readonly partition: number
  /** Of the keys' numbers. */
  readonly from: number
  readonly to: number
  readonly records: SourceRecord[]
  isClosed: boolean
  /** How far the mapping is committed; one more than the records of a closed shard is its end. */
  committed: number
  read: number
}

const stepMs = 50
const keys = 40
const slots = 4

export class ReshardingWorld {
  readonly #random: Random
  readonly #lengthMs: number
  readonly #failing: boolean
  readonly #shards: Shard[] = []
  readonly #written = new Map<number, number>()
  /** Of each key how many records are handled, in their order. */
  readonly #handled = new Map<number, number>()
  readonly #rules: MappingRules
  readonly #endings = new Set<string>()
  #mapping: Mapping
  #pending: { readonly atMs: number; readonly act: () => void }[] = []
  #paused = new Set<number>()
  #known: readonly Shard[] = []
  #life = 0
  nowMs = 1_800_000_000_000
  crashes = 0
  finals = 0

  constructor(random: Random, lengthMs: number, failing: boolean) {
    this.#random = random
    this.#lengthMs = lengthMs
    this.#failing = failing
    const compiled = compileCriteria([], 'data')
    assert(compiled.ok)
    const origin = { eventSourceARN: 'arn', awsRegion: 'eu-west-1', invokeIdentityArn: 'role' }
    this.#rules = {
      batchSize: 1 + this.#below(20),
      windowMs: this.#below(2) * 200,
      payloadMaxBytes,
      frame: streamFrame(origin, 's'),
      criteria: compiled.criteria,
      parallelizationFactor: slots,
      drawsOnOneLane: true,
      ...(lengthMs === 0 ? {} : { tumbling: { lengthMs, idleMs: 120_000 } }),
      pollersMin: 1,
      pollersMax: 1,
      invocationsPerPoller: 1000,
      bufferMaxBytes: 1_000_000,
      commitIntervalMs: 100,
      failure: noFailureRules,
    }
    for (let at = 0; at < 2; at++) this.#open([], (keys / 2) * at, (keys / 2) * (at + 1))
    this.#mapping = this.#start()
  }

  get shards(): number {
    return this.#shards.length
  }

  /** Load, splits and merges for so long, and then until all is through. */
  run(ms: number): void {
    const endMs = this.nowMs + ms
    for (let isOver = false; !isOver; this.nowMs += stepMs) {
      const isLoaded = this.nowMs < endMs
      if (isLoaded) this.#load()
      if (isLoaded && this.#chance(0.02)) this.#reshard()
      if (isLoaded && this.#failing && this.#chance(0.01)) this.#crash()
      this.#step()
      isOver = !isLoaded && this.#shards.every((shard) => isThrough(shard))
      assert(this.nowMs < endMs + 3_600_000, 'it never ends')
    }
    for (const [key, count] of this.#written) assert.equal(this.#handled.get(key), count)
    if (this.#lengthMs > 0) this.#checkEndings()
  }

  #step(): void {
    const due = this.#pending.filter(({ atMs }) => atMs <= this.nowMs)
    this.#pending = this.#pending.filter(({ atMs }) => atMs > this.nowMs)
    for (const { act } of due) act()
    this.#follow()
    for (const shard of this.#known) this.#read(shard)
    for (const effect of this.#mapping.tick(this.nowMs)) this.#do(effect)
    this.#mapping.check()
  }

  /** As the source does: a child is read when the ends of its parents are committed. */
  #follow(): void {
    const readable = this.#shards.filter(
      (shard) => !isEndCommitted(shard) && shard.parents.every((parent) => isEndCommitted(parent)),
    )
    if (readable.length === this.#known.length && readable.every((s, i) => s === this.#known[i])) {
      return
    }
    const before = new Set(this.#known)
    this.#known = readable
    this.#paused.clear()
    this.#mapping.assigned(
      readable.map(({ partition }) => partition),
      true,
    )
    for (const shard of readable) if (!before.has(shard)) this.#tell(shard, [], shard.committed)
  }

  #read(shard: Shard): void {
    if (this.#paused.has(shard.partition)) return
    const records = shard.records.slice(shard.read, shard.read + 1 + this.#below(50))
    const nextOffset = shard.read + records.length
    if (records.length > 0) this.#tell(shard, records, nextOffset)
    else if (shard.isClosed && shard.read === shard.records.length) {
      this.#tell(shard, [], nextOffset + 1, true)
      shard.read += 1
      return
    }
    shard.read = nextOffset
  }

  #tell(shard: Shard, records: SourceRecord[], nextOffset: number, ended = false): void {
    const { partition } = shard
    const run = { partition, records, nextOffset, endOffset: nextOffset, ended }
    this.#mapping.recordsArrived(run, this.nowMs)
  }

  #do(effect: Effect): void {
    const life = this.#life
    const later = (ms: number, act: () => void): void => {
      const whenAlive = (): void => {
        if (life === this.#life) act()
      }
      this.#pending.push({ atMs: this.nowMs + ms, act: whenAlive })
    }
    if (effect.kind === 'invoke') this.#invoke(effect.batch, later)
    if (effect.kind === 'pause') for (const each of effect.partitions) this.#paused.add(each)
    if (effect.kind === 'resume') for (const each of effect.partitions) this.#paused.delete(each)
    if (effect.kind === 'commit') {
      const { offsets } = effect
      later(stepMs, () => {
        for (const [partition, offset] of offsets) this.#commit(partition, offset)
        this.#mapping.commitEnded(true, this.nowMs)
      })
    }
  }

  #invoke(batch: Batch, later: (ms: number, act: () => void) => void): void {
    const life = this.#life
    const failed = this.#failing && this.#chance(0.1)
    const isLost = this.#failing && this.#chance(0.05)
    const atMs = this.nowMs + stepMs * this.#below(6)
    const { window } = batch
    // The function does its work, whether or not whoever asked is there still.
    if (!failed) {
      const act = (): void => {
        for (const { records } of batch.groups) {
          for (const { content } of records) this.#handle(content.stream?.sequenceNumber ?? '')
        }
      }
      const work = batch.groups.flatMap(({ records }) => records.map(({ content }) => content))
      this.#pending.push({ atMs, act: work.length === 0 ? () => {} : act })
      if (window?.isFinal === true) this.finals += 1
    }
    later(atMs - this.nowMs, () => {
      assert.equal(life, this.#life)
      const of = { requestId: 'r', executedVersion: '1', functionError: null }
      if (failed) return this.#mapping.batchEnded(batch, 'failed', this.nowMs, of)
      if (isLost) return this.#mapping.batchEnded(batch, 'unreached', this.nowMs)
      if (window === undefined) return this.#mapping.batchEnded(batch, 'succeeded', this.nowMs)
      if (window.isFinal) this.#checkFinal(batch)
      const { count = 0 } = JSON.parse(window.state) as { count?: number }
      const state = JSON.stringify({ count: count + recordsOf(batch.groups) })
      return this.#mapping.batchEnded(batch, 'succeeded', this.nowMs, { ...of, state })
    })
  }

  /** `identity` is `key:number`; again what was before, or the next of its key. */
  #handle(identity: string): void {
    const [key = 0, number = 0] = identity.split(':').map(Number)
    const handled = this.#handled.get(key) ?? 0
    assert(number <= handled, `record ${number} of key ${key} overtakes ${handled}`)
    if (number === handled) this.#handled.set(key, handled + 1)
  }

  #commit(partition: number, offset: number): void {
    const shard = this.#shards[partition]
    assert(shard !== undefined && offset >= shard.committed, 'a checkpoint goes back')
    for (const { stream } of shard.records.slice(shard.committed, offset)) {
      const [key = 0, number = 0] = (stream?.sequenceNumber ?? '').split(':').map(Number)
      assert(number < (this.#handled.get(key) ?? 0), 'a checkpoint passes a record')
    }
    shard.committed = offset
  }

  #checkFinal({ window, groups: [group] }: Batch): void {
    assert(window !== undefined && group !== undefined)
    const { partition, lane } = group
    const { count = 0 } = JSON.parse(window.state) as { count?: number }
    const of = this.#shards[partition]?.records.filter(
      ({ timestampMs, stream }) =>
        timestampMs >= window.startMs &&
        timestampMs < window.endMs &&
        slotOfRecord(stream?.partitionKey) === lane.slot,
    )
    assert.equal(count, of?.length, 'a window has all of its records')
    this.#endings.add(`${partition}:${lane.slot}:${window.startMs}`)
  }

  #checkEndings(): void {
    for (const { partition, records } of this.#shards) {
      for (const { timestampMs, stream } of records) {
        const startMs = Math.floor(timestampMs / this.#lengthMs) * this.#lengthMs
        const slot = slotOfRecord(stream?.partitionKey)
        assert(this.#endings.has(`${partition}:${slot}:${startMs}`), 'a window never ended')
      }
    }
  }

  #load(): void {
    for (let left = this.#below(12); left > 0; left--) {
      const key = this.#below(keys)
      const shard = this.#shards.find((s) => !s.isClosed && key >= s.from && key < s.to)
      assert(shard !== undefined)
      const number = this.#written.get(key) ?? 0
      this.#written.set(key, number + 1)
      const offset = shard.records.length
      const stream = { shardId: 's', sequenceNumber: `${key}:${number}`, partitionKey: String(key) }
      const when = { timestampMs: this.nowMs, timestampType: 'LOG_APPEND_TIME' as const }
      shard.records.push({
        topic: 's',
        partition: shard.partition,
        offset,
        ...when,
        key: null,
        value: Buffer.from('v'),
        headers: [],
        stream,
      })
    }
  }

  #reshard(): void {
    const open = this.#shards
      .filter(({ isClosed }) => !isClosed)
      .toSorted((a, b) => a.from - b.from)
    const at = this.#below(open.length)
    const [one, next] = [open[at], open[at + 1]]
    if (one === undefined) return
    if (next !== undefined && this.#chance(0.5)) {
      ;[one.isClosed, next.isClosed] = [true, true]
      this.#open([one, next], one.from, next.to)
    } else if (one.to - one.from > 1) {
      one.isClosed = true
      const middle = one.from + 1 + this.#below(one.to - one.from - 1)
      this.#open([one], one.from, middle)
      this.#open([one], middle, one.to)
    }
  }

  #open(parents: readonly Shard[], from: number, to: number): void {
    const partition = this.#shards.length
    const fresh = { records: [], isClosed: false, committed: 0, read: 0 }
    this.#shards.push({ parents, partition, from, to, ...fresh })
  }

  /** What was not committed is read again by the next. */
  #crash(): void {
    this.crashes += 1
    this.#life += 1
    this.#known = []
    for (const shard of this.#shards) shard.read = shard.committed
    this.#mapping = this.#start()
  }

  #start(): Mapping {
    return new Mapping(this.#rules, new MappingCounters(), this.#random)
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }
}

function isEndCommitted({ isClosed, committed, records }: Shard): boolean {
  return isClosed && committed === records.length + 1
}

function isThrough(shard: Shard): boolean {
  return isEndCommitted(shard) || (!shard.isClosed && shard.committed === shard.records.length)
}

function slotOfRecord(partitionKey = ''): number {
  return slotOfKey(Buffer.from(partitionKey), slots)
}
