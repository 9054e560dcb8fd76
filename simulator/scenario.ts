// What is simulated: traffic, a function, a mapping, and what goes wrong.
import type { RateStep } from './rate-curve.ts'

export interface Scenario {
  readonly name: string
  /** The same seed gives the same run. */
  readonly seed: number
  readonly seconds: number
  readonly pace: 'local' | 'aws'
  /**
   * `exact` makes every record and hands it to the mapping; `counted` hands over how many there are;
   * `auto` counts where there are too many to be made.
   */
  readonly depth: 'auto' | 'exact' | 'counted'
  readonly traffic: TrafficModel
  readonly function: FunctionModel
  readonly mapping: MappingModel
  readonly failures: FailureModel
}

/** One of the three, at a second since the start. */
export interface Resharding {
  readonly second: number
  /** SplitShard in the middle, MergeShards, UpdateShardCount; shards are numbered as they come into being. */
  readonly split?: number
  readonly merge?: readonly [number, number]
  readonly shards?: number
}

export interface TrafficModel {
  /** A Kafka topic unless given. */
  readonly source?: 'kafka' | 'kinesis'
  /** Of a stream, one after the other; none unless given. */
  readonly reshardings?: readonly Resharding[]
  /** One after the other; the last goes on to the end. */
  readonly steps: readonly RateStep[]
  /** Of a stream the shards at the start. */
  readonly partitions: number
  /** Of a record's value. */
  readonly recordBytes: number
  /** Different keys; 0 spreads records evenly. */
  readonly keys: number
  /** The k-th key has a weight of 1/k to this power: 0 makes all alike, 1 is Zipf's law. */
  readonly keySkew: number
  /** The share of records that the mapping's filters let through. */
  readonly matching: number
}

export interface FunctionModel {
  readonly memoryMb: number
  readonly timeoutMs: number
  /** Executions at once before invocations are throttled. */
  readonly concurrency: number
  readonly duration: 'constant' | 'normal' | 'lognormal'
  /** The mean of an invocation without records, and what each record adds. */
  readonly batchMs: number
  readonly recordMs: number
  /** The standard deviation as a share of the mean. */
  readonly spread: number
  /** What an invocation takes longer where no environment stands idle. */
  readonly coldStartMs: number
}

/** A mapping's parameters; -1 and Infinity are as in the rules of the poller. */
export interface MappingModel {
  readonly batchSize: number
  readonly windowMs: number
  readonly retriesMax: number
  readonly recordAgeMaxMs: number
  readonly bisects: boolean
  readonly reportsItemFailures: boolean
  readonly hasDestination: boolean
  /** Lanes of each partition; 1 unless given. */
  readonly parallelizationFactor?: number
  /** Tumbling windows, as of a Kinesis stream; none unless given. */
  readonly tumblingWindowMs?: number
  /** Absent on demand. */
  readonly provisioned?: { readonly minimum: number; readonly maximum: number }
}

export interface FailureModel {
  /** Of invocations: they throw, run into their timeout, or never reach the function. */
  readonly errors: number
  readonly timeouts: number
  readonly unreached: number
  /** Of invocations: the function did its work, but its answer is lost, so that it gets the batch again. */
  readonly lostAnswers: number
  /** Of records: the function fails on them, and on how many of their invocations; Infinity for all. */
  readonly poison: number
  readonly poisonTimes: number
  /** Of fetches: records come again that came before. */
  readonly duplicateReads: number
  readonly commitErrors: number
  readonly destinationErrors: number
  /** How often in an hour, and for how long: the poller is gone, the broker is, a second poller is there. */
  readonly pollerCrashesPerHour: number
  readonly pollerDownMs: number
  readonly brokerCrashesPerHour: number
  readonly brokerDownMs: number
  readonly rebalancesPerHour: number
  readonly secondPollerMs: number
}

export const noFailures: FailureModel = {
  errors: 0,
  timeouts: 0,
  unreached: 0,
  lostAnswers: 0,
  poison: 0,
  poisonTimes: Infinity,
  duplicateReads: 0,
  commitErrors: 0,
  destinationErrors: 0,
  pollerCrashesPerHour: 0,
  pollerDownMs: 10_000,
  brokerCrashesPerHour: 0,
  brokerDownMs: 5_000,
  rebalancesPerHour: 0,
  secondPollerMs: 60_000,
}

/** A small mapping with Lambda's defaults, and nothing that goes wrong. */
export const defaultScenario: Scenario = {
  name: 'simulation',
  seed: 1,
  seconds: 60,
  pace: 'local',
  depth: 'auto',
  traffic: {
    steps: [{ seconds: 60, rate: 1000 }],
    partitions: 10,
    recordBytes: 1000,
    keys: 0,
    keySkew: 0,
    matching: 1,
  },
  function: {
    memoryMb: 1024,
    timeoutMs: 30_000,
    concurrency: 1000,
    duration: 'constant',
    batchMs: 100,
    recordMs: 0,
    spread: 0,
    coldStartMs: 0,
  },
  mapping: {
    batchSize: 100,
    windowMs: 500,
    retriesMax: Infinity,
    recordAgeMaxMs: Infinity,
    bisects: false,
    reportsItemFailures: false,
    hasDestination: false,
  },
  failures: noFailures,
}

export function isStream({ traffic }: Pick<Scenario, 'traffic'>): boolean {
  return traffic.source === 'kinesis'
}
