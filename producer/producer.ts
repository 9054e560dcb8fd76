// The producer command: sends what a source gives at the pace of a profile, shows it, reports it.
import type { Readable } from 'node:stream'
import { loadBrokerAccess } from '../common/broker-access.ts'
import { sleep, type Clock } from '../common/clock.ts'
import type { Config } from '../common/config.ts'
import { AppError } from '../common/errors.ts'
import * as limits from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'
import type { BatchTransport } from './batch-transport.ts'
import { FileRecords } from './file-records.ts'
import { createGeneratedRecords } from './generated-records.ts'
import { connectKafkaTransport } from './kafka-transport.ts'
import { connectKinesisTransport } from './kinesis-transport.ts'
import { createProfile, parseSpikes, unboundedProfile, type Profile } from './profile.ts'
import { ProgressDisplay, type Output } from './progress-display.ts'
import type { RecordSource } from './record-source.ts'
import { finalReport } from './report.ts'
import { Sender } from './sender.ts'

export type ProducerConfig = Pick<
  Config,
  | 'brokers'
  | 'brokersSecurity'
  | 'brokersTlsAuthority'
  | 'brokersUser'
  | 'brokersSaslMechanism'
  | 'topic'
  | 'kinesis'
  | 'rate'
  | 'spike'
  | 'size'
  | 'seed'
  | 'keys'
  | 'seconds'
  | 'file'
  | 'keyField'
  | 'loop'
  | 'maxRate'
  | 'acks'
  | 'report'
>

export interface ProducerCollaborators {
  readonly clock: Clock
  readonly logger: Logger
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
  /** Ends the run: nothing more is sent, what is in flight is waited for, the report is written. */
  readonly signal: AbortSignal
  /** What carries the batches; kafkajs or the Kinesis API unless given. */
  readonly connect?: (config: ProducerConfig, logger: Logger) => Promise<BatchTransport>
}

const tickMs = 10
/** Taken from a source at a time, so that acknowledgements are seen in between. */
const recordsPerTake = 1000
const generatedRate = 1000

/**
 * The exit code: 0 if records were sent and all of them acknowledged, otherwise 1. Rejects with
 * AppError CONFIG_INVALID or BROKER_UNREACHABLE before anything is sent; what goes wrong later is a
 * line on standard error above the report.
 */
export async function runProducer(
  config: ProducerConfig,
  collaborators: ProducerCollaborators,
): Promise<number> {
  checkConfig(config)
  const { clock, logger, signal, stdout, stderr } = collaborators
  const profile = profileOf(config)
  const source = sourceOf(config, collaborators)
  const transport = await (collaborators.connect ?? connectDoor)(config, logger)
  const inFlightMaxBytes =
    profile === unboundedProfile
      ? limits.producerUnpacedInFlightMaxBytes
      : limits.producerInFlightMaxBytes
  const sender = new Sender({ transport, clock, topic: config.topic, inFlightMaxBytes })
  const startedAtMs = clock.now()
  const snapshot = () => ({ elapsedMs: clock.now() - startedAtMs, counts: sender.counts() })
  const display = new ProgressDisplay({ clock, output: stderr, snapshot })
  const endMs = config.seconds === 0 ? Infinity : config.seconds * 1000
  const run = { profile, source, sender, clock, signal, startedAtMs, endMs }
  const { late, failure } = await feed(run)
  source.close()
  await sender.drain(limits.stopGraceMs)
  display.stop()
  const summary = { ...snapshot(), topic: config.topic, late }
  // A client that lost its broker may take long to see that there is nothing to disconnect from.
  await atMost(limits.stopGraceMs, transport.close(), { clock })
  if (failure !== undefined) stderr.write(`millrace: ${failure.message}\n`)
  stdout.write(finalReport(summary, config.report))
  const { acknowledged, failed } = summary.counts
  return acknowledged > 0 && failed === 0 && failure === undefined ? 0 : 1
}

interface Run {
  readonly profile: Profile
  readonly source: RecordSource
  readonly sender: Sender
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly startedAtMs: number
  readonly endMs: number
}

interface RunEnd {
  /** Records that were due by the end, but for which there was no room. */
  readonly late: number
  readonly failure: AppError | undefined
}

/** Hands records to the sender until the time is over, the source ends or the signal comes. */
async function feed(run: Run): Promise<RunEnd> {
  const { profile, source, sender, clock, signal, startedAtMs, endMs } = run
  const stopWaiting = (): void => source.close()
  signal.addEventListener('abort', stopWaiting, { once: true })
  // Input that stays silent must not keep a run beyond its time; the last tick is a little later.
  const end = endMs === Infinity ? undefined : clock.after(endMs + 100 * tickMs, stopWaiting)
  let offered = 0
  try {
    while (!signal.aborted && sender.gaveUp === undefined) {
      const elapsedMs = Math.min(clock.now() - startedAtMs, endMs)
      const due = profile.dueBy(elapsedMs) - offered
      const over = elapsedMs === endMs
      if (over && (due <= 0 || due === Infinity || sender.room === 0)) {
        return { late: due === Infinity ? 0 : due, failure: undefined }
      }
      if (due <= 0) await sleep(clock, Math.min(tickMs, endMs - elapsedMs), signal)
      else if (sender.room === 0) {
        // Without an end there is still a look at the clock now and then.
        await atMost(Math.min(endMs - elapsedMs, 1000), sender.progress(), run)
      } else {
        const records = await source.take(Math.min(due, sender.room, recordsPerTake))
        if (records.length === 0) break
        sender.offer(records)
        offered += records.length
      }
    }
    return { late: 0, failure: sender.gaveUp }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { late: 0, failure: error }
  } finally {
    end?.cancel()
    signal.removeEventListener('abort', stopWaiting)
  }
}

interface Patience {
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** Waits for `done`, but no longer than `ms` nor than until the signal. */
async function atMost(ms: number, done: Promise<void>, { clock, signal }: Patience): Promise<void> {
  const settled = new AbortController()
  const patience = signal === undefined ? settled.signal : AbortSignal.any([signal, settled.signal])
  await Promise.race([done.finally(() => settled.abort()), sleep(clock, ms, patience)])
}

async function connectDoor(config: ProducerConfig, logger: Logger): Promise<BatchTransport> {
  const { brokers, topic, acks, kinesis: url } = config
  if (url !== '') return connectKinesisTransport({ url, stream: topic })
  const access = await loadBrokerAccess(config)
  return connectKafkaTransport({ brokers, access, topic, acks, logger })
}

function profileOf(config: ProducerConfig): Profile {
  const asFastAsAcknowledged = config.maxRate || (config.file !== '' && config.rate === 0)
  if (asFastAsAcknowledged) return unboundedProfile
  return createProfile(config.rate === 0 ? generatedRate : config.rate, parseSpikes(config.spike))
}

function sourceOf(config: ProducerConfig, { clock, stdin }: ProducerCollaborators): RecordSource {
  const { file, keyField, loop, size: sizeBytes, keys, seed } = config
  if (file === '') return createGeneratedRecords({ sizeBytes, keys, seed, now: () => clock.now() })
  const keyPath = keyField === '' ? [] : keyField.split('.')
  return new FileRecords({ file, stdin, keyPath, loop })
}

/** Throws AppError CONFIG_INVALID for settings that contradict each other. */
function checkConfig(config: ProducerConfig): void {
  const { topic, file, loop, keyField, rate, maxRate, spike, kinesis } = config
  const unpaced = maxRate || (file !== '' && rate === 0)
  const problems: readonly (readonly [boolean, string, string])[] = [
    [topic === '', '--topic', 'is required: the topic to send to'],
    [topic.length > limits.topicNameMaxLength, '--topic', 'is longer than a topic name may be'],
    [!/^[\w.-]*$/.test(topic), '--topic', `"${topic}" is not a topic name: letters, digits, . _ -`],
    [kinesis !== '' && !isOrigin(kinesis), '--kinesis', `"${kinesis}" is not http://host:port`],
    [kinesis !== '' && config.acks !== 'all', '--acks', 'is all with --kinesis'],
    [rate > limits.producerRateMax, '--rate', `${rate} is more than ${limits.producerRateMax}`],
    [loop && file === '', '--loop', 'needs --file'],
    [loop && file === '-', '--loop', 'cannot start standard input again'],
    [keyField !== '' && file === '', '--key-field', 'needs --file'],
    [spike !== '' && unpaced, '--spike', 'needs --rate, and no --max-rate'],
  ]
  const [, setting, reason] = problems.find(([applies]) => applies) ?? []
  if (setting !== undefined && reason !== undefined) {
    throw new AppError('CONFIG_INVALID', { setting, reason })
  }
}

function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}
