// Starts the control role for a test, with a scripted invoker and a poller that does as it is told.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { expect, onTestFinished } from 'vitest'
import { systemClock, type Clock } from '../../common/clock.ts'
import type { FunctionInvoker, Invocation, InvocationResult } from '../../common/invocation.ts'
import { KafkaClusters } from '../../common/kafka-clusters.ts'
import { silentLogger } from '../../common/logger.ts'
import { startControl, type RunningControl } from '../../control/control.ts'
import type { Streams } from '../../control/lambda/kinesis-mapping.ts'
import { FileRegistry } from '../../control/registry/file-registry.ts'
import type { MappingStatus } from '../../control/registry/registry.ts'
import { MemoryObjects } from './memory-objects.ts'
import { RecordingSender } from './recording-sender.ts'

/** Answers every invocation with `next`, and keeps what it was asked. */
export class ScriptedInvoker implements FunctionInvoker {
  readonly seen: Invocation[] = []
  next: () => Promise<InvocationResult> = async () => ({
    outcome: 'completed',
    requestId: '11111111-1111-1111-1111-111111111111',
    executedVersion: '$LATEST',
    payload: 'null',
  })

  invoke(invocation: Invocation): Promise<InvocationResult> {
    this.seen.push(invocation)
    return this.next()
  }
}

export interface ControlHarness {
  readonly control: RunningControl
  readonly registry: FileRegistry
  readonly invoker: ScriptedInvoker
  readonly sender: RecordingSender
  readonly client: LambdaClient
  readonly url: string
  readonly dataDir: string
  /** Reports what the poller would once it has taken up the mapping's latest revision. */
  settle(uuid: string, status?: Partial<MappingStatus>): Promise<void>
}

/** Everything is closed and removed at the end of the test, unless `atEnd` is handed what does it. */
export async function startControlForTest({
  clock = systemClock,
  accountConcurrency = 1000,
  pace = 'local',
  clusters = new KafkaClusters({
    region: 'us-east-1',
    accountId: '000000000000',
    servers: { plaintext: ['127.0.0.1:9092'] },
  }),
  streams = everyStream,
  prepare,
  kinesisUrl,
  ingestApiKey = '',
  atEnd = onTestFinished,
}: {
  readonly clock?: Clock
  readonly accountConcurrency?: number
  readonly pace?: 'local' | 'aws'
  readonly clusters?: KafkaClusters
  /** Of the Kinesis door. */
  readonly kinesisUrl?: string | undefined
  readonly ingestApiKey?: string
  readonly atEnd?: (end: () => Promise<void>) => unknown
  readonly streams?: Streams
  /** Fills the data directory before anyone opens it. */
  readonly prepare?: (dataDir: string) => Promise<void>
} = {}): Promise<ControlHarness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-control-'))
  await prepare?.(dataDir)
  const registry = await FileRegistry.open({
    dir: join(dataDir, 'registry'),
    writer: 'both',
    logger: silentLogger,
    clock,
  })
  const invoker = new ScriptedInvoker()
  const sender = new RecordingSender()
  const control = await startControl({
    registry,
    invoker,
    sender,
    objects: new MemoryObjects(),
    pace,
    clusters,
    streams,
    host: '127.0.0.1',
    port: 0,
    dataDir,
    region: 'us-east-1',
    accountId: '000000000000',
    accountConcurrency,
    clock,
    logger: silentLogger,
    version: '9.9.9',
    kinesisUrl,
    ingestApiKey,
  })
  const url = control.doors['aws'] ?? ''
  const client = new LambdaClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  })
  atEnd(async () => {
    client.destroy()
    await control.stop()
    await registry.close()
    await rm(dataDir, { recursive: true })
  })
  const settle: ControlHarness['settle'] = async (uuid, status = {}) => {
    const record = registry.mapping(uuid)
    expect(record, 'a mapping to settle').toBeDefined()
    const state = record?.desired === 'deleted' ? 'gone' : (record?.desired ?? 'gone')
    const revision = record?.revision ?? 0
    await registry.putStatus({ uuid, revision, state, lastProcessingResult: 'OK', ...status })
  }
  return { control, registry, invoker, sender, client, url, dataDir, settle }
}

/** Whatever stream is asked for is there. */
export const everyStream: Streams = { find: async () => 'found' }

/** What an SDK call was refused with. */
export async function refusalOf(
  call: Promise<unknown>,
): Promise<{ name: string; status: number | undefined; message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new Error('the call was not refused')
  const metadata = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }) : {}
  return { name: error.name, status: metadata.httpStatusCode, message: error.message }
}
