// What every registry must do: one suite, run against each implementation.
import { expect, onTestFinished, test } from 'vitest'
import type {
  FunctionRecord,
  MappingRecord,
  Registry,
  RegistryChange,
  VersionRecord,
  WorkersStatus,
} from '../../control/registry/registry.ts'

/** Views of one fresh store, as processes have them. */
export interface RegistryPair {
  /** Writes functions and mappings. */
  readonly control: Registry
  /** Writes status and checkpoints. */
  readonly poller: Registry
  /** Writes what a copy of the workers says. */
  readonly workers: Registry
  /** The same store after a restart of all. */
  reopen(): Promise<{ control: Registry; poller: Registry; workers: Registry }>
  cleanUp(): Promise<void>
}

export function functionRecord(change: Partial<FunctionRecord> = {}): FunctionRecord {
  return {
    name: 'tyres',
    arn: 'arn:aws:lambda:us-east-1:000000000000:function:tyres',
    revision: 1,
    revisionId: 'a-revision',
    lastModifiedMs: 1_700_000_000_000,
    code: { kind: 'zip', directory: '/code', sha256: 'digest', sizeBytes: 7 },
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    role: 'arn:aws:iam::000000000000:role/any',
    description: '',
    memorySizeMb: 128,
    timeoutSeconds: 3,
    ephemeralStorageMb: 512,
    architectures: ['x86_64'],
    environment: { STAGE: 'test' },
    ...change,
  }
}

export function versionRecord(version: string, change: Partial<VersionRecord> = {}): VersionRecord {
  return { ...functionRecord(), version, contentDigest: 'content', ...change }
}

export function mappingRecord(change: Partial<MappingRecord> = {}): MappingRecord {
  return {
    uuid: '11111111-2222-3333-4444-555555555555',
    revision: 1,
    lastModifiedMs: 1_700_000_000_000,
    lastChange: 'create',
    desired: 'enabled',
    functionName: 'tyres',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:tyres',
    bootstrapServers: ['127.0.0.1:9092'],
    topic: 'telemetry',
    consumerGroupId: 'group',
    batchSize: 100,
    startingPosition: 'TRIM_HORIZON',
    filterPatterns: [],
    ...change,
  }
}

/** Resolves once `isTrue` of what `registry` shows; changes of another process take a moment. */
export function eventually(registry: Registry, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = registry.watch(check)
    check()
    function check(): void {
      if (!isTrue()) return
      stop()
      resolve()
    }
  })
}

/** `create` gives a new, empty store each time. */
export function registryContract(name: string, create: () => Promise<RegistryPair>): void {
  const open = async (): Promise<RegistryPair> => {
    const pair = await create()
    onTestFinished(() => pair.cleanUp())
    return pair
  }

  test(`${name}: reserved concurrency is kept over a restart, 0 too, and can go`, async () => {
    const pair = await open()
    const reserving = functionRecord({ reservedConcurrency: 0 })
    await pair.control.putFunction(functionRecord({ name: 'free', reservedConcurrency: 5 }))
    await pair.control.putFunction(reserving)
    await pair.control.putFunction(functionRecord({ name: 'free', revision: 2 }))
    const { control } = await pair.reopen()
    expect(control.function('tyres')).toEqual(reserving)
    expect(control.function('free')).toEqual(functionRecord({ name: 'free', revision: 2 }))
  })

  test(`${name}: versions and aliases are kept over a restart, and versions go one by one`, async () => {
    const { control, poller, reopen } = await open()
    const additional = { version: '1', weight: 0.25 }
    const live = {
      name: 'live',
      functionVersion: '2',
      description: '',
      revisionId: 'a',
      additional,
    }
    const latest = functionRecord({ lastVersion: 2, contentId: 'content', aliases: [live] })
    await control.putVersion(versionRecord('1'))
    await control.putVersion(versionRecord('2', { environment: { STAGE: 'live' } }))
    await control.putVersion(versionRecord('1', { name: 'other' }))
    await control.putFunction(latest)
    await eventually(poller, () => poller.function('tyres') !== undefined)
    await eventually(poller, () => poller.version('tyres', '2') !== undefined)
    expect(poller.version('tyres', '2')?.environment).toEqual({ STAGE: 'live' })
    await control.removeVersion('tyres', '1')
    await eventually(poller, () => poller.version('tyres', '1') === undefined)
    const next = await reopen()
    for (const registry of [next.control, next.poller]) {
      expect(registry.function('tyres')).toEqual(latest)
      expect(registry.version('tyres', '1')).toBeUndefined()
      expect(registry.version('other', '1')).toEqual(versionRecord('1', { name: 'other' }))
      expect(registry.versions().length).toBe(2)
    }
  })

  test(`${name}: control sees what the workers have ready, also after a restart, until they take it back`, async () => {
    const { control, workers, reopen } = await open()
    const said: WorkersStatus = {
      copy: 'local',
      beat: 1,
      provisioned: [
        { functionName: 'tyres', version: '1', wanted: 2, ready: 1, failure: 'no room' },
        { functionName: 'tyres', version: '2', wanted: 1, ready: 1 },
      ],
    }
    const provisioned = [{ qualifier: '1', executions: 3, lastModifiedMs: 5 }]
    await control.putFunction(functionRecord({ provisioned }))
    await eventually(workers, () => workers.function('tyres')?.provisioned !== undefined)
    await workers.putWorkers(said)
    await eventually(control, () => control.workers().length === 1)
    expect(control.workers()).toEqual([said])
    await workers.putWorkers({ ...said, beat: 2 })
    await eventually(control, () => control.workers()[0]?.beat === 2)
    const next = await reopen()
    expect(next.control.workers()).toEqual([{ ...said, beat: 2 }])
    expect(next.control.function('tyres')?.provisioned).toEqual(provisioned)
    await next.workers.removeWorkers('local')
    await eventually(next.control, () => next.control.workers().length === 0)
  })

  test(`${name}: what was put is read at once by its writer`, async () => {
    const { control } = await open()
    expect(control.functions()).toEqual([])
    await control.putFunction(functionRecord())
    await control.putMapping(mappingRecord())
    expect(control.function('tyres')).toEqual(functionRecord())
    expect(control.functions()).toEqual([functionRecord()])
    expect(control.mapping(mappingRecord().uuid)).toEqual(mappingRecord())
    expect(control.mappings()).toEqual([mappingRecord()])
  })

  test(`${name}: a second put replaces the first`, async () => {
    const { control } = await open()
    await control.putFunction(functionRecord())
    await control.putFunction(functionRecord({ revision: 2, environment: {} }))
    expect(control.functions()).toEqual([functionRecord({ revision: 2, environment: {} })])
  })

  test(`${name}: puts of one entry that overlap end with the last`, async () => {
    const { control } = await open()
    const revisions = Array.from({ length: 20 }, (_, i) => i + 1)
    await Promise.all(
      revisions.map((revision) => control.putFunction(functionRecord({ revision }))),
    )
    expect(control.function('tyres')?.revision).toBe(20)
  })

  test(`${name}: everything is there after a restart`, async () => {
    const { control, poller, reopen } = await open()
    const mapping = mappingRecord({
      failureHandling: {
        maximumRetryAttempts: 3,
        maximumRecordAgeSeconds: -1,
        bisects: true,
        reportsItemFailures: false,
        destination: 'kafka://dead',
      },
      provisionedPollers: { minimum: 2, maximum: 9, groupName: 'shared' },
      batchingWindowSeconds: 3,
      filterPatterns: ['{"value":{"a":["ü\\u0000"]}}'],
      startingPosition: 'AT_TIMESTAMP',
      startingPositionTimestampMs: 5,
    })
    const code = { kind: 'hot-reload', directory: '/my/code' } as const
    const status = {
      uuid: mapping.uuid,
      revision: 1,
      state: 'enabled',
      lastProcessingResult: 'OK',
    } as const
    await control.putFunction(functionRecord({ code }))
    await control.putMapping(mapping)
    await poller.putStatus(status)
    const next = await reopen()
    expect(next.control.functions()).toEqual([functionRecord({ code })])
    expect(next.control.mappings()).toEqual([mapping])
    expect(next.control.status(mapping.uuid)).toEqual(status)
    expect(next.poller.functions()).toEqual([functionRecord({ code })])
    expect(next.poller.mapping(mapping.uuid)).toEqual(mapping)
    expect(next.poller.status(mapping.uuid)).toEqual(status)
  })

  test(`${name}: what was removed is gone, also after a restart`, async () => {
    const { control, poller, reopen } = await open()
    const { uuid } = mappingRecord()
    await control.putFunction(functionRecord())
    await control.putMapping(mappingRecord())
    await poller.putStatus({ uuid, revision: 1, state: 'gone', lastProcessingResult: '' })
    await control.removeFunction('tyres')
    await control.removeMapping(uuid)
    await control.removeFunction('never-was')
    expect([control.functions(), control.mappings(), control.status(uuid)]).toEqual([
      [],
      [],
      undefined,
    ])
    const next = await reopen()
    expect([next.control.functions(), next.control.mappings()]).toEqual([[], []])
    expect([next.control.status(uuid), next.poller.status(uuid)]).toEqual([undefined, undefined])
  })

  test(`${name}: the other process sees records, their changes and their removal`, async () => {
    const { control, poller } = await open()
    const { uuid } = mappingRecord()
    await control.putFunction(functionRecord())
    await control.putMapping(mappingRecord())
    await eventually(poller, () => poller.mapping(uuid) !== undefined)
    await eventually(poller, () => poller.function('tyres') !== undefined)
    expect(poller.mapping(uuid)).toEqual(mappingRecord())
    await control.putMapping(mappingRecord({ revision: 2, batchSize: 7 }))
    await eventually(poller, () => poller.mapping(uuid)?.revision === 2)
    expect(poller.mapping(uuid)?.batchSize).toBe(7)
    await control.removeFunction('tyres')
    await eventually(poller, () => poller.functions().length === 0)
  })

  test(`${name}: checkpoints are kept over a restart, and go with their mapping`, async () => {
    const { control, poller, reopen } = await open()
    const { uuid } = mappingRecord()
    const [sequenceNumber, other] = ['4959'.padEnd(56, '0'), mappingRecord({ uuid: 'other' })]
    const shards = [
      { shardId: 'shardId-000000000000', ended: true },
      { shardId: 'shardId-000000000001', after: sequenceNumber },
      { shardId: 'shardId-000000000002', fromMs: 5 },
      { shardId: 'shardId-000000000003' },
    ] as const
    await control.putMapping(mappingRecord())
    await control.putMapping(other)
    expect(poller.checkpoint(uuid)).toBeUndefined()
    await poller.putCheckpoint({ uuid, streamCreatedMs: 1, shards: [] })
    await poller.putCheckpoint({ uuid, streamCreatedMs: 7, shards })
    await poller.putCheckpoint({ uuid: other.uuid, streamCreatedMs: 8, shards: [] })
    expect(poller.checkpoint(uuid)).toEqual({ uuid, streamCreatedMs: 7, shards })
    const next = await reopen()
    expect(next.poller.checkpoint(uuid)).toEqual({ uuid, streamCreatedMs: 7, shards })
    await eventually(next.poller, () => next.poller.mapping(uuid) !== undefined)
    await next.control.removeMapping(uuid)
    await eventually(next.poller, () => next.poller.mapping(uuid) === undefined)
    expect(next.poller.checkpoint(uuid)).toBeUndefined()
    const last = await reopen()
    expect(last.poller.checkpoint(uuid)).toBeUndefined()
    expect(last.poller.checkpoint(other.uuid)?.streamCreatedMs).toBe(8)
  })

  test(`${name}: control sees what the poller reports, and removal forgets it`, async () => {
    const { control, poller } = await open()
    const { uuid } = mappingRecord()
    await control.putMapping(mappingRecord())
    await poller.putStatus({ uuid, revision: 1, state: 'enabled', lastProcessingResult: 'OK' })
    await eventually(control, () => control.status(uuid) !== undefined)
    expect(control.status(uuid)?.lastProcessingResult).toBe('OK')
    await eventually(poller, () => poller.mapping(uuid) !== undefined)
    await control.removeMapping(uuid)
    await eventually(poller, () => poller.mapping(uuid) === undefined)
    await eventually(poller, () => poller.status(uuid) === undefined)
    expect(control.status(uuid)).toBeUndefined()
  })

  test(`${name}: who asks sees what was written before, without waiting to hear of it`, async () => {
    const { control, workers } = await open()
    await control.putVersion(versionRecord('1'))
    await control.putFunction(functionRecord())
    await workers.refresh()
    expect(workers.function('tyres')).toEqual(functionRecord())
    expect(workers.version('tyres', '1')).toEqual(versionRecord('1'))
    await control.putFunction(functionRecord({ revision: 2 }))
    await Promise.all([workers.refresh(), workers.refresh()])
    expect(workers.function('tyres')?.revision).toBe(2)
  })

  test(`${name}: a listener hears of each change, and of none after it stopped`, async () => {
    const { control } = await open()
    const heard: RegistryChange[] = []
    const stop = control.watch((change) => heard.push(change))
    await control.putFunction(functionRecord())
    await control.putFunction(functionRecord())
    await control.putMapping(mappingRecord())
    await control.putVersion(versionRecord('3'))
    await control.removeFunction('tyres')
    stop()
    await control.putFunction(functionRecord())
    expect(heard).toEqual([
      { kind: 'function', name: 'tyres' },
      { kind: 'mapping', uuid: mappingRecord().uuid },
      { kind: 'version', name: 'tyres', version: '3' },
      { kind: 'function', name: 'tyres' },
    ])
  })
}
