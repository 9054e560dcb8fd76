// Knows a cluster's brokers, finds leaders and coordinators, and keeps the connections to them.
import type { BrokerAccess } from '../common/broker-access.ts'
import type { Clock } from '../common/clock.ts'
import { linkRestMs } from '../common/consumer-limits.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import type { KafkaErrorName } from '../protocol/error-codes.ts'
import { zeroUuid } from '../protocol/fields.ts'
import { errorName, refused } from './answer-errors.ts'
import type { AnswerFramesOptions } from './answer-frames.ts'
import { BrokerLink } from './broker-link.ts'
import type { SharedLinks } from './shared-links.ts'
import type { WaitTicket } from './shared-wait.ts'
import type { Place } from './wait-request.ts'

export interface ClusterOptions {
  /** Bootstrap servers, each `host:port`. */
  readonly brokers: readonly string[]
  /** How to get in; nothing for a plain door. */
  readonly access?: BrokerAccess | undefined
  readonly clientId: string
  readonly clock: Clock
  /** Of connections that fetch. */
  readonly frames?: AnswerFramesOptions
  /** What it shares with others; unless given, all connections are its own. */
  readonly shared?: SharedLinks | undefined
}

export interface Leader {
  readonly nodeId: number
  readonly epoch: number
}

/** A topic's partitions as a broker told them. */
export interface TopicState {
  readonly topic: string
  /** All zeros where the broker tells none. */
  readonly topicId: string
  /** By partition; partitions without a leader at the moment are not in it. */
  readonly leaders: ReadonlyMap<number, Leader>
  readonly partitions: readonly number[]
}

/**
 * What a link is for: what waits long at the broker must not hold up the rest. What is answered at once is `quick`, and
 * may go beside what others ask.
 */
export type Purpose = 'fetch' | 'control' | 'quick'

/**
 * Rejects with AppError BROKER_UNREACHABLE where no broker of the cluster can be reached, and with what
 * one refused. A cluster that is closed opens nothing more.
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #links = new Map<string, Promise<BrokerLink>>()
  readonly #open = new Map<string, BrokerLink>()
  #nodes: ReadonlyMap<number, string> = new Map()
  #isClosed = false

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  get brokers(): string {
    return this.#options.brokers.join(',')
  }

  /** A link to some broker. Known brokers are tried before the bootstrap servers. */
  async any(): Promise<BrokerLink> {
    const bad = this.#options.brokers.find((broker) => !/^[^:]+:\d{1,5}$/.test(broker))
    if (bad !== undefined || this.#options.brokers.length === 0) {
      const reason = `"${bad ?? ''}" is not host:port`
      throw new AppError('CONFIG_INVALID', { setting: 'brokers', reason })
    }
    const reasons: unknown[] = []
    const addresses = new Set([...this.#nodes.values(), ...this.#options.brokers])
    for (const address of addresses) {
      try {
        return await this.#link('quick', address)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        if (error.code !== 'BROKER_UNREACHABLE') throw error
        reasons.push(error)
      }
    }
    throw this.#unreachable(reasons.at(-1))
  }

  /** Rejects with BROKER_UNREACHABLE too where the node is not known. */
  async node(nodeId: number, purpose: Purpose): Promise<BrokerLink> {
    const address = this.#nodes.get(nodeId)
    if (address !== undefined) return this.#link(purpose, address)
    const details = { brokers: this.brokers, reason: `there is no broker ${nodeId}` }
    throw new AppError('BROKER_UNREACHABLE', details)
  }

  /** Rejects with TOPIC_MISSING, and BROKER_REFUSED for topics that must not be seen. */
  async topicState(topic: string): Promise<TopicState> {
    const [state] = await this.topicStates([topic])
    if (state !== undefined) return state
    throw new AppError('TOPIC_MISSING', { topic, brokers: this.brokers })
  }

  /** Of those that exist. */
  async topicStates(topics: readonly string[]): Promise<readonly TopicState[]> {
    const link = await this.any()
    const { body } = await link.ask('Metadata', {
      topics: topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    })
    this.#learn(body.brokers)
    const states: TopicState[] = []
    for (const { errorCode, name, topicId, partitions } of body.topics) {
      const error = errorName(errorCode)
      if (missing.has(error)) continue
      if (error !== 'NONE' && !passing.has(error)) {
        throw refused(this.brokers, `topic ${name ?? ''}`, error)
      }
      const led = partitions.filter(({ leaderId }) => leaderId >= 0)
      states.push({
        topic: name ?? '',
        topicId,
        leaders: new Map(
          led.map(({ partitionIndex, leaderId: nodeId, leaderEpoch: epoch }) => [
            partitionIndex,
            { nodeId, epoch },
          ]),
        ),
        partitions: partitions.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b),
      })
    }
    return states
  }

  /** The broker that looks after a group; undefined while there is none. */
  async coordinator(
    groupId: string,
    purpose: Purpose = 'control',
  ): Promise<BrokerLink | undefined> {
    const link = await this.any()
    const { body } = await link.ask('FindCoordinator', {
      key: groupId,
      keyType: 0,
      coordinatorKeys: [groupId],
    })
    const found = body.coordinators[0] ?? { ...body, key: groupId }
    const error = errorName(found.errorCode)
    if (passing.has(error)) return undefined
    if (error !== 'NONE') {
      throw refused(this.brokers, `group ${groupId}`, error, found.errorMessage)
    }
    return this.#link(purpose, `${found.host}:${found.port}`)
  }

  /** Ends fetches that are under way; their requests reject. */
  dropFetches(): void {
    for (const [key, link] of this.#open) {
      if (key.startsWith('fetch ') && link.isBusy) link.close()
    }
  }

  /** Waits for records together with others; undefined where there are none, or it cannot be. */
  wait(nodeId: number, places: readonly Place[]): WaitTicket | undefined {
    const address = this.#nodes.get(nodeId)
    const { access, shared } = this.#options
    if (address === undefined || this.#isClosed) return undefined
    return shared?.wait({ address, access }, places)
  }

  /** Closes the connection for fetches from a node until it is needed again. */
  restFetches(nodeId: number): void {
    const key = `fetch ${this.#nodes.get(nodeId) ?? ''}`
    const link = this.#open.get(key)
    if (link === undefined || link.isBusy) return
    this.#forget(key)
    link.close()
  }

  /** Closes connections that have not been used for a while, where shared ones are left. */
  rest(): void {
    const { clock, shared } = this.#options
    if (shared === undefined) return
    for (const [key, link] of this.#open) {
      if (link.isBusy || clock.now() - link.usedMs < linkRestMs) continue
      this.#forget(key)
      link.close()
    }
  }

  close(): void {
    this.#isClosed = true
    this.#options.shared?.leave(this)
    for (const opening of this.#links.values()) void closed(opening)
    this.#links.clear()
    this.#open.clear()
  }

  #link(purpose: Purpose, address: string): Promise<BrokerLink> {
    const { access, shared } = this.#options
    if (purpose !== 'quick') return this.#ownLink(purpose, address)
    if (shared === undefined) return this.#ownLink('control', address)
    return this.#isClosed ? this.#refuse(address) : shared.link({ address, access }, this)
  }

  #refuse(address: string): Promise<never> {
    const details = { brokers: address, reason: 'the consumer is closed' }
    return Promise.reject(new AppError('BROKER_UNREACHABLE', details))
  }

  async #ownLink(purpose: Purpose, address: string): Promise<BrokerLink> {
    const key = `${purpose} ${address}`
    const existing = this.#links.get(key)
    if (existing !== undefined) {
      const link = await existing
      if (link.isGood) return link
      // A login that nears its end is left to requests that are under way.
      if (!link.isBusy) link.close()
      if (this.#links.get(key) === existing) this.#forget(key)
      return this.#ownLink(purpose, address)
    }
    if (this.#isClosed) return this.#refuse(address)
    const { access, clientId, clock, frames } = this.#options
    const kept = purpose === 'fetch' && frames !== undefined ? { frames } : {}
    const opening = BrokerLink.open({ address, access, clientId, clock, ...kept })
    this.#links.set(key, opening)
    try {
      const link = await opening
      this.#open.set(key, link)
      return link
    } catch (error) {
      if (this.#links.get(key) === opening) this.#links.delete(key)
      throw error
    }
  }

  #forget(key: string): void {
    this.#links.delete(key)
    this.#open.delete(key)
  }

  #learn(
    brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[],
  ): void {
    if (brokers.length === 0) return
    this.#nodes = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]))
    const known = new Set(this.#nodes.values())
    // A bootstrap server by another name than its broker's has served its purpose.
    for (const [key, opening] of this.#links) {
      if (known.has(key.slice(key.indexOf(' ') + 1))) continue
      this.#forget(key)
      void closed(opening)
    }
  }

  #unreachable(last: unknown): AppError {
    const text = last instanceof AppError ? reasonOf(last) : 'no broker is known'
    // The last link's own sentence begins with its address; what is told is about the cluster.
    const reason = text.replace(/^no broker answers at [^ ]+: /, '')
    return new AppError('BROKER_UNREACHABLE', { brokers: this.brokers, reason }, last)
  }
}

/** Whether a topic was made anew; brokers before Kafka 2.8 do not tell. */
export function isAnotherTopic(
  before: Pick<TopicState, 'topicId'>,
  now: Pick<TopicState, 'topicId'>,
): boolean {
  return before.topicId !== now.topicId && before.topicId !== zeroUuid && now.topicId !== zeroUuid
}

/** Whether each partition has the leader, and the epoch, that it had. */
export function isLedAlike(before: TopicState, now: TopicState): boolean {
  const isSame = ([partition, { nodeId, epoch }]: [number, Leader]): boolean => {
    const then = before.leaders.get(partition)
    return then?.nodeId === nodeId && then.epoch === epoch
  }
  return before.leaders.size === now.leaders.size && [...now.leaders].every(isSame)
}

async function closed(opening: Promise<BrokerLink>): Promise<void> {
  const [outcome] = await Promise.allSettled([opening])
  if (outcome.status === 'fulfilled') outcome.value.close()
}

/** The topic is not there; the name may be one that no topic has. */
const missing = new Set<KafkaErrorName>(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'])
/** Passes by itself. */
const passing = new Set<KafkaErrorName>([
  'LEADER_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
])
