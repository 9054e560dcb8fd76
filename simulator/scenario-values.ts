// Turns a scenario's JSON and flags into a scenario: every value checked, every name known.
import { AppError, reasonOf } from '../common/errors.ts'
import { recordAgeMinSeconds } from '../common/mapping-limits.ts'
import { parseMilliseconds } from '../common/quantities.ts'
import type { Parameter } from './parameter.ts'
import { parameters } from './parameters.ts'
import type { RateStep } from './rate-curve.ts'
import { reshardingsOf } from './reshardings.ts'
import { isStream, type Resharding, type Scenario } from './scenario.ts'
import { shardsOf } from './shards.ts'

export type Values = ReadonlyMap<string, unknown>

type Value = string | number | boolean | readonly RateStep[] | readonly Resharding[]

/** Values by path. Throws AppError INPUT_INVALID for what is no JSON, or has names that do not exist. */
export function valuesOfJson(text: string, source: string): Values {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new AppError('INPUT_INVALID', { source, reason: reasonOf(error) }, error)
  }
  const values = new Map<string, unknown>()
  collect(document, '', { values, source })
  return values
}

/** Throws AppError CONFIG_INVALID for a flag that does not exist or has no value. */
export function valueOfFlag(parameter: Parameter, text: string): Value {
  const { kind } = parameter
  if (kind === 'word' || kind === 'rates' || kind === 'reshardings') return text
  if (text.trim() === '') return text
  if (kind !== 'switch') return Number(text)
  return text === 'true' ? true : text === 'false' ? false : text
}

/** A scenario of these values, and of defaults for what is not among them. */
export function scenarioOf(name: string, values: Values): Scenario {
  const read = (path: string): Value | undefined => readValue(path, values)
  const number = (path: string): number => read(path) as number
  const bool = (path: string): boolean => read(path) as boolean
  const rare = (path: string): number => (read(path) as number | undefined) ?? Infinity
  const endless = (path: string): number => (number(path) < 0 ? Infinity : number(path))
  const seconds = number('seconds')
  const source = read('traffic.source') as NonNullable<Scenario['traffic']['source']>
  const tumblingWindowMs = number('mapping.TumblingWindowInSeconds') * 1000
  const failures = Object.fromEntries(
    parameters
      .filter(({ path }) => path.startsWith('failures.') && path !== 'failures.poisonTimes')
      .map(({ path }) => [path.slice('failures.'.length), number(path)]),
  ) as Omit<Scenario['failures'], 'poisonTimes'>
  return allowed({
    name,
    seed: number('seed'),
    seconds,
    pace: read('pace') as Scenario['pace'],
    depth: read('depth') as Scenario['depth'],
    traffic: {
      source,
      reshardings: read('traffic.reshardings') as readonly Resharding[],
      steps: lastGoesOn(read('traffic.rate') as readonly RateStep[], seconds),
      partitions: number('traffic.partitions'),
      recordBytes: number('traffic.recordBytes'),
      keys: number('traffic.keys'),
      keySkew: number('traffic.keySkew'),
      matching: number('traffic.matching'),
    },
    function: {
      memoryMb: number('function.memoryMb'),
      timeoutMs: number('function.timeoutMs'),
      concurrency: number('function.concurrency'),
      duration: read('function.duration') as Scenario['function']['duration'],
      batchMs: number('function.batchMs'),
      recordMs: number('function.recordMs'),
      spread: number('function.spread'),
      coldStartMs: number('function.coldStartMs'),
    },
    mapping: {
      batchSize: number('mapping.BatchSize'),
      windowMs:
        source === 'kinesis' && !values.has(batchingWindow)
          ? 0
          : Math.round(number(batchingWindow) * 1000),
      retriesMax: endless('mapping.MaximumRetryAttempts'),
      recordAgeMaxMs: endless('mapping.MaximumRecordAgeInSeconds') * 1000,
      bisects: bool('mapping.BisectBatchOnFunctionError'),
      reportsItemFailures: bool('mapping.ReportBatchItemFailures'),
      parallelizationFactor: number('mapping.ParallelizationFactor'),
      hasDestination: bool('mapping.OnFailure'),
      ...(tumblingWindowMs === 0 ? {} : { tumblingWindowMs }),
      ...provisionedOf(
        read(`${provisioned}MinimumPollers`) as number | undefined,
        read(`${provisioned}MaximumPollers`) as number | undefined,
      ),
    },
    failures: { ...failures, poisonTimes: rare('failures.poisonTimes') },
  })
}

const batchingWindow = 'mapping.MaximumBatchingWindowInSeconds'

function allowed(scenario: Scenario): Scenario {
  const { mapping, traffic } = scenario
  if (mapping.recordAgeMaxMs < recordAgeMinSeconds * 1000) {
    throw refused('MaximumRecordAgeInSeconds', `is not from ${recordAgeMinSeconds} on, nor -1`)
  }
  if (!isStream(scenario)) return allowedOfTopic(scenario)
  const shards = shardsOf(traffic)
  if (typeof shards === 'string') throw refused('reshardings', shards)
  if (scenario.failures.rebalancesPerHour > 0) {
    throw refused('rebalances', 'are of consumer groups: a stream is read by one poller')
  }
  if (scenario.pace === 'aws' && mapping.provisioned !== undefined) {
    throw refused('ProvisionedPollerConfig', 'is not there for Kinesis at the pace of AWS')
  }
  return scenario
}

/** Lambda has the rules of failures for Kafka in provisioned mode only, and no age below a minute. */
function allowedOfTopic(scenario: Scenario): Scenario {
  const { pace, mapping, traffic } = scenario
  const { retriesMax, recordAgeMaxMs, bisects, reportsItemFailures, provisioned } = mapping
  if (traffic.reshardings !== undefined && traffic.reshardings.length > 0) {
    throw refused('reshardings', 'are of streams: --source kinesis')
  }
  if (mapping.tumblingWindowMs !== undefined) {
    throw refused('TumblingWindowInSeconds', 'is for streams: --source kinesis')
  }
  if (pace === 'aws' && (mapping.parallelizationFactor ?? 1) > 1) {
    throw refused('ParallelizationFactor', 'is not there for Kafka at the pace of AWS')
  }
  const asked = {
    MaximumRetryAttempts: retriesMax !== Infinity,
    MaximumRecordAgeInSeconds: recordAgeMaxMs !== Infinity,
    BisectBatchOnFunctionError: bisects,
    ReportBatchItemFailures: reportsItemFailures,
  }
  const first = Object.entries(asked).find(([, isAsked]) => isAsked)?.[0]
  if (pace === 'local' || provisioned !== undefined || first === undefined) return scenario
  throw refused(first, 'is only supported with ProvisionedPollerConfig at the pace of AWS')
}

function refused(setting: string, reason: string): AppError {
  return new AppError('CONFIG_INVALID', { setting, reason })
}

const provisioned = 'mapping.ProvisionedPollerConfig.'

function provisionedOf(
  minimum?: number,
  maximum?: number,
): Pick<Scenario['mapping'], 'provisioned'> {
  if (minimum === undefined && maximum === undefined) return {}
  const bounds = { minimum: minimum ?? 1, maximum: maximum ?? 200 }
  if (bounds.minimum <= bounds.maximum) return { provisioned: bounds }
  const reason = `MinimumPollers ${bounds.minimum} is above MaximumPollers ${bounds.maximum}`
  throw refused('ProvisionedPollerConfig', reason)
}

function readValue(path: string, values: Values): Value | undefined {
  const parameter = parameters.find((each) => each.path === path)
  if (parameter === undefined) throw new Error(`no parameter ${path}`)
  const given = values.get(path)
  if (given === undefined) {
    if (parameter.default === undefined) return undefined
    return checked(parameter, JSON.parse(parameter.default))
  }
  return checked(parameter, given)
}

function checked(parameter: Parameter, value: unknown): Value {
  const invalid = (reason: string): never => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value)
    const setting = `--${parameter.flag} (${parameter.path})`
    throw new AppError('CONFIG_INVALID', { setting, reason: `"${shown}" ${reason}` })
  }
  const { kind, words = [], least = -Infinity, most = Infinity } = parameter
  if (kind === 'word') {
    const word = words.find((each) => each === value)
    return word ?? invalid(`is not one of ${words.join(', ')}`)
  }
  if (kind === 'switch') {
    return typeof value === 'boolean' ? value : invalid('is neither true nor false')
  }
  if (kind === 'rates') {
    return ratesOf(value, most) ?? invalid('is no rate, nor steps such as 3000@5m,9000@10m')
  }
  if (kind === 'reshardings') {
    return (
      reshardingsOf(value) ??
      invalid(
        'are no reshardings in the order of their times, such as 8@60s,split:0@90s,merge:1+2@2m',
      )
    )
  }
  const isSound = typeof value === 'number' && (kind !== 'whole' || Number.isSafeInteger(value))
  if (!isSound) return invalid(kind === 'whole' ? 'is not a whole number' : 'is not a number')
  return value >= least && value <= most ? value : invalid(`is not from ${least} to ${most}`)
}

/** Steps without a length are the last. */
function ratesOf(value: unknown, most: number): readonly RateStep[] | undefined {
  if (typeof value === 'number') return ratesOf([{ rate: value, seconds: 0 }], most)
  if (typeof value === 'string') {
    const steps = value.split(',').map(stepOf)
    return steps.includes(undefined) ? undefined : ratesOf(steps, most)
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > 1000) return undefined
  const isRate = (rate: unknown): boolean => typeof rate === 'number' && rate >= 0 && rate <= most
  const isStep = (step: unknown): step is RateStep => {
    const { rate, to = 0, seconds, ...others } = (step ?? {}) as Record<string, unknown>
    const lasts = typeof seconds === 'number' && seconds >= 0 && seconds <= 604_800
    return isRate(rate) && isRate(to) && lasts && Object.keys(others).length === 0
  }
  return value.every(isStep) ? value : undefined
}

const stepText = /^\s*(\d+(?:\.\d+)?)(?:\.\.(\d+(?:\.\d+)?))?(?:@(\w+))?\s*$/

/** `"3000..9000@1m"` */
function stepOf(text: string): RateStep | undefined {
  const [, rate, to, length] = stepText.exec(text) ?? []
  const lengthMs = length === undefined ? 0 : parseMilliseconds(length)
  if (rate === undefined || lengthMs === undefined || lengthMs < 0) return undefined
  const step = { rate: Number(rate), seconds: lengthMs / 1000 }
  return to === undefined ? step : { ...step, to: Number(to) }
}

function lastGoesOn(steps: readonly RateStep[], seconds: number): readonly RateStep[] {
  const before = steps.slice(0, -1).reduce((sum, step) => sum + step.seconds, 0)
  const last = steps.at(-1)
  if (last === undefined) return steps
  const left = Math.max(0, seconds - before)
  const isClimb = last.to !== undefined && last.seconds > 0
  if (!isClimb) return [...steps.slice(0, -1), { ...last, seconds: left }]
  const rest = { rate: last.to ?? last.rate, seconds: Math.max(0, left - last.seconds) }
  return [...steps, rest]
}

function collect(
  value: unknown,
  path: string,
  into: { readonly values: Map<string, unknown>; readonly source: string },
): void {
  if (path === 'name') return
  if (parameters.some((parameter) => parameter.path === path)) {
    into.values.set(path, value)
    return
  }
  const isBranch = path === '' || parameters.some((each) => each.path.startsWith(`${path}.`))
  if (!isBranch || typeof value !== 'object' || value === null || Array.isArray(value)) {
    const reason = path === '' ? 'is no JSON object' : `has no parameter "${path}"`
    throw new AppError('INPUT_INVALID', { source: into.source, reason })
  }
  for (const [name, member] of Object.entries(value)) {
    collect(member, path === '' ? name : `${path}.${name}`, into)
  }
}
