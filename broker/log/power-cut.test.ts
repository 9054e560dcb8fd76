// Tests that no history of appends, retention, deletions, faults, power cuts and kills loses what was acknowledged.
import { expect, test } from 'vitest'
import { openStore, type TestOptions, type TestStore } from '../../test/support/log-store.ts'
import { LogWitness } from '../../test/support/log-witness.ts'
import { MemoryFileSystem } from '../../test/support/memory-file-system.ts'
import { randomFrom, seed } from '../../test/support/seeded-random.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { LogLimits } from './log-limits.ts'

/** So small that every mechanism is at work within a few appends. */
const smallLimits = {
  fillFlushBytes: 1500,
  walFileMaxBytes: 2500,
  commitMaxBytes: 900,
  tailMaxBytes: 3000,
  segmentFillBytes: 600,
  walFilesMax: 3,
  indexCacheMaxBytes: 200,
  openFilesMax: 3,
  unloggedMaxBytes: 5000,
}
const configs = [
  { 'segment.bytes': '700' },
  { 'segment.bytes': '400', 'retention.bytes': '3000' },
  { 'segment.bytes': '900', 'retention.ms': '20000', 'segment.ms': '3000' },
]

type Random = () => number

/** Of limits for which large appends go straight to segments, and past the cache besides. */
const direct = { directMinBytes: 250, directAheadMaxBytes: 1200, directPartitionsMax: 2 }
const inBlocks = { ...direct, blockWriteMinBytes: 64, blockPieceBytes: 128, blockReadMinBytes: 1 }

interface Course {
  readonly run: number
  readonly seed?: number
  readonly faultRate: number
  readonly flush?: 'commit' | 'interval' | 'never'
  readonly limits?: Partial<LogLimits>
}

for (let run = 0; run < 60; run++) {
  test(`no crash takes what was acknowledged, SEED=${seed} run ${run}`, () =>
    history({ run, faultRate: 0 }))
}

for (let run = 0; run < 40; run++) {
  test(`nor does a crash of a disk that fails now and then, SEED=${seed} run ${run}`, () =>
    history({ run: 1000 + run, faultRate: 0.15 }))
}

for (let run = 0; run < 120; run++) {
  test(`nor where large appends go straight to segments, SEED=${seed} run ${run}`, () =>
    history({ run: 3000 + run, faultRate: run % 2 === 0 ? 0 : 0.15, limits: direct }))
}

for (let run = 0; run < 120; run++) {
  test(`nor where those are written and read in blocks past the cache, SEED=${seed} run ${run}`, () =>
    history({ run: 4000 + run, faultRate: run % 2 === 0 ? 0 : 0.15, limits: inBlocks }))
}

test.each([
  ['an append to a topic whose deletion was lost', 707889195, 3023, direct],
  ['a write-ahead log that went on without what was lost so', 586843240, 4051, inBlocks],
  ['a voided write-ahead file without the one that voids it', 1066446866, 3045, direct],
  ['a cut whose flush failed before a kill', 750359466, 3091, direct],
  [
    'a segment that retention removed, back before one that came behind it',
    97254850,
    4015,
    inBlocks,
  ],
  [
    'a segment that was removed before a kill, back before one that was removed after',
    975648162,
    3070,
    direct,
  ],
  ['a write-ahead file with the number of one that was back', 187432287, 3011, direct],
])('a history that found %s', (_, from, run, limits) =>
  history({ seed: from, run, faultRate: run % 2 === 0 ? 0 : 0.15, limits }),
)

for (let run = 0; run < 60; run++) {
  const flush = run % 3 > 0 ? 'interval' : 'never'
  test(`with flush=${flush} a kill takes nothing and a power cut the end of a life, SEED=${seed} run ${run}`, () =>
    history({ run: 2000 + run, faultRate: run % 2 === 0 ? 0 : 0.15, flush }))
}

async function history(course: Course): Promise<void> {
  const { run, faultRate, flush = 'commit' } = course
  const limits = { ...smallLimits, ...course.limits }
  const random = randomFrom((course.seed ?? seed) + run * 7919)
  const clock = new ManualClock()
  const witness = new LogWitness()
  let files = new MemoryFileSystem()
  const cut = (left: MemoryFileSystem): MemoryFileSystem => {
    if (flush !== 'commit') witness.doubtLastLife()
    return left.cut(random)
  }
  for (let life = 0; life < 5; life++) {
    files = await cutRecoveries(files, { random, cut, options: { limits, flush } })
    const opened = await openStore({ files, limits, clock, flush })
    witness.settleDoubts(opened.store)
    expect(await witness.flaws(opened.store), `life ${life}`).toEqual([])
    if (life === 0) await witness.createTopic(opened.store, configs[0] ?? {})
    await live(opened, witness, { random, faultRate })
    const isStopped = random() < 0.2
    if (isStopped) await opened.store.close()
    witness.noteRetention(opened.store)
    files = isStopped || random() < 0.6 ? cut(files) : files.kill()
    witness.newLife()
  }
  const { store } = await openStore({ files, limits, clock, flush })
  witness.settleDoubts(store)
  expect(await witness.flaws(store)).toEqual([])
  await store.close()
  const { store: again } = await openStore({ files: files.cut(random), limits, clock, flush })
  expect(await witness.flaws(again)).toEqual([])
}

/** Starts that are cut off before they are done. */
async function cutRecoveries(
  files: MemoryFileSystem,
  {
    random,
    cut,
    options,
  }: { random: Random; cut: (files: MemoryFileSystem) => MemoryFileSystem; options: TestOptions },
): Promise<MemoryFileSystem> {
  let left = files
  while (random() < 0.5) {
    const opening = openStore({ ...options, files: left })
    opening.catch(() => {})
    for (let ticks = Math.floor(random() * 60); ticks > 0; ticks--) await tick()
    left = random() < 0.7 ? cut(left) : left.kill()
  }
  return left
}

async function live(
  { store, files, clock }: TestStore,
  witness: LogWitness,
  { random, faultRate }: { random: Random; faultRate: number },
): Promise<void> {
  const codes = ['EIO', 'ENOSPC']
  let isBad = false
  files.fault = () => {
    if (random() < 0.02) isBad = random() < faultRate
    return isBad && random() < 0.5 ? codes[Math.floor(random() * 2)] : undefined
  }
  for (let moment = Math.floor(random() * 150); moment > 0; moment--) {
    step(store, witness, random)
    if (random() < 0.1) clock.advance(200)
    if (random() < 0.02) clock.advance(5_000)
    if (random() < 0.5) await tick()
  }
}

function step(store: TestStore['store'], witness: LogWitness, random: Random): void {
  const topics = store.topics()
  const topic = topics[Math.floor(random() * topics.length)]
  if (topic === undefined || random() < 0.01) {
    const config = configs[Math.floor(random() * configs.length)] ?? {}
    return void witness.createTopic(store, config)
  }
  const partition = topic.partitions[Math.floor(random() * topic.partitions.length)]
  if (partition === undefined) return
  const choice = random()
  if (choice < 0.7) {
    const sizes = Array.from({ length: 1 + Math.floor(random() * 3) }, () => random() ** 3 * 300)
    return void witness.append(partition, sizes)
  }
  const offset = Math.floor(random() * (partition.highWatermark + 1))
  if (choice < 0.78) void witness.read(partition, offset)
  else if (choice < 0.8) void witness.deleteRecords(partition, offset)
  else if (choice < 0.82) void store.applyRetention(1_000_000 + random() * 100_000)
  else if (choice < 0.825) void witness.deleteTopic(store, topic.name)
  else if (choice < 0.83) void witness.addPartition(store, topic.name)
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
