// Tests when the governor looks and what it pauses, on a clock that stands still and tasks made of numbers.
import { beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../test/support/manual-clock.ts'
import type { CpuShare } from './cpu-shares.ts'
import { Governor, type GovernedTask } from './governor.ts'

/** A task that computes in each millisecond in which it is not paused. */
class Task implements GovernedTask {
  readonly #clock: ManualClock
  #atMs: number
  #sumMs = 0
  pausedUntilMs = 0
  /** What each pause takes of it. */
  pauseTakesMs = 0
  takenMs = 0
  looks = 0
  isBusy = true
  isClosed = false
  isGone = false

  constructor(clock: ManualClock) {
    this.#clock = clock
    this.#atMs = clock.now()
  }

  usedMs(): number | undefined {
    this.looks += 1
    return this.isGone ? undefined : this.sumMs()
  }

  sumMs(): number {
    const nowMs = this.#clock.now()
    const fromMs = Math.min(nowMs, Math.max(this.#atMs, this.pausedUntilMs))
    if (this.isBusy) this.#sumMs += nowMs - fromMs
    this.#atMs = nowMs
    return this.#sumMs
  }

  pause(untilMs: number): number {
    this.sumMs()
    this.pausedUntilMs = untilMs
    this.#sumMs += this.pauseTakesMs
    this.takenMs += this.pauseTakesMs
    return this.pauseTakesMs
  }

  resume(): void {
    this.sumMs()
    this.pausedUntilMs = 0
  }

  close(): void {
    this.isClosed = true
  }
}

const none = new Int32Array(new SharedArrayBuffer(4))
let clock: ManualClock
let tasks: Task[]
let governor: Governor
beforeEach(() => {
  clock = new ManualClock()
  tasks = []
  const next = (): Task => {
    const task = new Task(clock)
    tasks.push(task)
    return task
  }
  governor = new Governor({
    tasks: {
      plan: { ending: none, napping: none },
      thread: next,
      process: next,
      close: () => {},
    },
    time: { now: () => clock.now(), after: (ms, callback) => clock.after(ms, callback) },
    machineCores: 2,
  })
})

function open(memorySizeMb: number): { readonly share: CpuShare; readonly task: Task } {
  const share = governor.open({ memorySizeMb, isBusy: () => task?.isBusy ?? true })
  share.addThread({ threadId: 1, tid: 1 })
  const task = tasks.at(-1)
  if (task === undefined) throw new Error('no task was made')
  return { share, task }
}

test('environments get their shares side by side', () => {
  const all = [128, 256, 512, 1024].map((memorySizeMb) => {
    const { share, task } = open(memorySizeMb)
    return { memorySizeMb, share, task }
  })
  for (const { share } of all) share.hold()
  const before = all.map(({ task }) => task.sumMs())
  clock.advance(20_000)
  for (const [i, { task, memorySizeMb }] of all.entries()) {
    const share = (task.sumMs() - (before[i] ?? 0)) / 20_000
    expect(share / (memorySizeMb / 1769)).toBeGreaterThan(0.95)
    expect(share / (memorySizeMb / 1769)).toBeLessThan(1.05)
  }
})

test('until it is held an environment has a whole core', () => {
  const { share, task } = open(128)
  clock.advance(3000)
  expect(task.sumMs()).toBe(3000)
  expect(share.throttledMs()).toBe(0)
})

test('what was used while starting is not held against it', () => {
  const { share, task } = open(1024)
  clock.advance(3000)
  share.hold()
  clock.advance(10)
  expect(task.pausedUntilMs).toBe(0)
})

test('nobody is looked at while nothing is busy', () => {
  const { share, task } = open(128)
  share.hold()
  clock.advance(100)
  task.isBusy = false
  clock.advance(100)
  const { looks } = task
  clock.advance(60_000)
  expect(task.looks).toBe(looks)
  expect(clock.timers).toBe(0)
  task.isBusy = true
  governor.wake()
  clock.advance(1000)
  expect(task.looks).toBeGreaterThan(looks)
})

test('many wakes are one look', () => {
  const { share, task } = open(128)
  share.hold()
  task.isBusy = false
  clock.advance(100)
  for (let i = 0; i < 1000; i++) governor.wake()
  expect(clock.timers).toBe(1)
})

test('one that is to be ended is woken and not paused again', () => {
  const { share, task } = open(128)
  share.hold()
  clock.advance(40)
  expect(task.pausedUntilMs).toBeGreaterThan(clock.now())
  share.release()
  expect(task.pausedUntilMs).toBe(0)
  clock.advance(1000)
  expect(task.pausedUntilMs).toBe(0)
})

test('a task that is gone is let go of', () => {
  const { share, task } = open(128)
  share.hold()
  task.isGone = true
  clock.advance(100)
  expect(task.isClosed).toBe(true)
})

test('tasks of one environment have one share together', async () => {
  const { share, task } = open(512)
  await share.addProcess(7)
  share.hold()
  const before = tasks.map((each) => each.sumMs())
  clock.advance(20_000)
  const used = tasks.reduce((sum, each, i) => sum + each.sumMs() - (before[i] ?? 0), 0)
  expect(used / 20_000 / (512 / 1769)).toBeGreaterThan(0.95)
  expect(used / 20_000 / (512 / 1769)).toBeLessThan(1.05)
  expect(task.pausedUntilMs).toBe(tasks[1]?.pausedUntilMs)
})

test('what pauses take is given back', () => {
  const [plain, taken] = [open(128), open(128)]
  taken.task.pauseTakesMs = 0.5
  for (const { share } of [plain, taken]) share.hold()
  clock.advance(20_000)
  expect(taken.task.takenMs).toBeGreaterThan(50)
  const handlersMs = taken.task.sumMs() - taken.task.takenMs
  expect(handlersMs / plain.task.sumMs()).toBeCloseTo(1, 2)
})

test('time that was paused is counted', () => {
  const { share, task } = open(128)
  share.hold()
  const beforeMs = task.sumMs()
  clock.advance(10_000)
  const pausedMs = 10_000 - (task.sumMs() - beforeMs)
  expect(Math.abs(share.throttledMs() - pausedMs)).toBeLessThan(100)
})

test('a closed environment costs nothing more', async () => {
  const { share, task } = open(128)
  share.hold()
  clock.advance(100)
  share.close()
  expect(task.isClosed).toBe(true)
  clock.advance(1000)
  expect(clock.timers).toBe(0)
  await governor.close()
})
