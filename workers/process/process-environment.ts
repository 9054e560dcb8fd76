// One execution environment in a process: a runtime that takes events from its Runtime API, one at a time.
import { getRandomValues, randomBytes, randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { payloadText } from '../../common/invocation.ts'
import { processEndGraceMs } from '../../common/process-limits.ts'
import type {
  EnvironmentEvent,
  EnvironmentMessage,
  EnvironmentUse,
  RunningEvent,
} from '../environment-pool.ts'
import type { EnvironmentLog } from '../logs/environment-log.ts'
import type { OpenEnvironmentLog } from '../logs/function-logs.ts'
import { streamName } from '../logs/stream-name.ts'
import { entrypointProblem } from './entrypoint.ts'
import { CurrentEvent } from './current-event.ts'
import { contextHeader, traceId } from './event-headers.ts'
import { EnvironmentStorage } from './environment-storage.ts'
import { ProcessShare, type ShareOptions } from './process-share.ts'
import type { Launcher } from './launcher.ts'
import type { MemoryWatch, Watched } from './memory-watch.ts'
import type { OrphanGuard } from './orphan-guard.ts'
import type { LeftDirectories } from './left-directories.ts'
import type { PrivateDirectories } from './private-directories.ts'
import type { StorageWatch } from './storage-watch.ts'
import { processStat } from './proc-files.ts'
import { ProcessOutput } from './process-output.ts'
import { RuntimeApi } from './runtime-api.ts'
import { RuntimeProcess } from './runtime-process.ts'

/** What one process is for. */
export interface ProcessSettings {
  readonly command: string
  readonly args: readonly string[]
  /** The task root: where the function's code lies, and where the process starts. */
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
  readonly functionArn: string
  readonly functionVersion: string
  readonly memorySizeMb: number
  readonly ephemeralStorageMb: number
  readonly timeoutMs: number
}

/** What all environments of this machine share. */
export interface ProcessMachine {
  readonly clock: Clock
  readonly directories: PrivateDirectories
  readonly guard: OrphanGuard
  readonly launcher: Launcher
  readonly memory: MemoryWatch
  readonly storage: StorageWatch
}

export interface ProcessListener {
  readonly temporary: LeftDirectories
  readonly onUse: (use: EnvironmentUse) => void
  readonly openLog?: OpenEnvironmentLog | undefined
  /** Its process has ended while it had no event. */
  readonly onEnding: () => void
  /** Called once, when nothing of it is left. */
  readonly onGone: () => void
}

/**
 * Its process is made with its first event. An event is over when its runtime asks for the next one, as on
 * Lambda, or is gone. Invariant: a process that has no event is frozen, after a moment.
 */
export class ProcessEnvironment {
  readonly #settings: ProcessSettings
  readonly #machine: ProcessMachine
  readonly #listener: ProcessListener
  readonly #output = new ProcessOutput((line) => this.#current?.log(line))
  #current: CurrentEvent | undefined
  #api: RuntimeApi | undefined
  #process: RuntimeProcess | undefined
  readonly #log: EnvironmentLog | undefined
  readonly #streamName: string
  readonly #share: ProcessShare
  #watched: Watched | undefined
  readonly #storage: EnvironmentStorage
  #isAskedToEnd = false
  #timer: Timer | undefined
  #launchedMs = 0
  #cpuMs = 0
  #isGone = false

  constructor(
    settings: ProcessSettings,
    machine: ProcessMachine,
    listener: ProcessListener & ShareOptions,
  ) {
    this.#settings = settings
    this.#machine = machine
    this.#listener = listener
    this.#streamName = streamName(
      machine.clock.now(),
      settings.functionVersion,
      getRandomValues(new Uint32Array(4)),
    )
    this.#log = listener.openLog?.(this.#streamName)
    this.#storage = new EnvironmentStorage({
      temporary: listener.temporary,
      watch: machine.storage,
      maxMb: settings.ephemeralStorageMb,
      isBusy: () => this.#current !== undefined,
      onExceeded: (problem) => this.#storageExceeded(problem),
    })
    this.#share = new ProcessShare(listener, () => this.#current !== undefined)
  }

  /** Whether no event can run in it any more. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Only when no other event is under way. */
  run(event: EnvironmentEvent, listener: (message: EnvironmentMessage) => void): RunningEvent {
    const current = new CurrentEvent(event, listener)
    this.#current = current
    this.#output.begin()
    if (this.#process === undefined) {
      void this.#launch(current)
    } else {
      this.#share.wake()
      this.#process.thaw()
      this.#watch(this.#process)
      if (event.announce) current.tell('running')
      this.#hand(current)
    }
    return {
      outcome: current.outcome,
      stop: () => this.#stop(current, 'stopped'),
      forget: () => current.forget(),
      log: () => this.#log,
    }
  }

  /** Ends it when it has no event: asks first. `onGone` follows. */
  end(): void {
    this.#isAskedToEnd = true
    this.#share.release()
    this.#process?.end()
  }

  async #launch(current: CurrentEvent): Promise<void> {
    const { clock, guard, launcher } = this.#machine
    const api = new RuntimeApi({
      onReady: () => this.#ready(),
      onAnswer: (answer) => this.#current?.answered(answer),
      onInitError: (payload) => this.#initFailed(payload),
    })
    this.#api = api
    const problem = await entrypointProblem(this.#settings.command)
    if (problem !== undefined) {
      this.#isGone = true
      this.#current = undefined
      current.tell('initialising')
      current.diedWith(problem, 'Runtime.InvalidEntrypoint')
      return this.#leave()
    }
    try {
      const address = await api.open()
      const temporaryDirectory = await this.#storage.take()
      this.#process = await RuntimeProcess.start({
        ...this.#settings,
        environment: {
          ...this.#settings.environment,
          AWS_LAMBDA_RUNTIME_API: address,
          AWS_LAMBDA_LOG_STREAM_NAME: this.#streamName,
          TMPDIR: temporaryDirectory,
        },
        temporaryDirectory,
        launcher,
        clock,
        onOutput: (chunk) => this.#output.write(chunk),
        onEnding: () => this.#ending(),
        onExit: (reason) => void this.#exited(reason),
      })
    } catch (error) {
      // The machine has no process, file or port to give; nothing of the function's has run.
      this.#isGone = true
      this.#current = undefined
      current.over({ kind: 'died', reason: reasonOf(error) })
      return this.#leave()
    }
    guard.add(this.#process.pid)
    this.#share.begin(this.#process.pid)
    this.#launched(current, this.#process)
  }

  #launched(current: CurrentEvent, process: RuntimeProcess): void {
    if (current.end !== undefined) return process.kill()
    this.#watch(process)
    this.#launchedMs = performance.now()
    current.tell('initialising')
  }

  #ready(): void {
    const current = this.#current
    if (current === undefined || this.#process === undefined) return
    if (current.answer === undefined) void this.#begin(current, this.#process)
    else void this.#settle(current, this.#process)
  }

  /** The runtime has initialised. */
  async #begin(current: CurrentEvent, process: RuntimeProcess): Promise<void> {
    this.#share.hold()
    current.initMs = performance.now() - this.#launchedMs
    // What it wrote until here belongs before the event.
    await process.outputRead()
    if (this.#current !== current) return
    current.startedMs = performance.now()
    current.tell('running')
    if (current.event.initOnly === true) {
      current.answered({ outcome: 'returned', payload: 'null' })
      return this.#settle(current, process)
    }
    this.#hand(current)
  }

  #hand({ event, initMs = 0 }: CurrentEvent): void {
    const { functionArn, timeoutMs } = this.#settings
    const { requestId, payload, clientContext, invokedFunctionArn = functionArn } = event
    const nowMs = this.#machine.clock.now()
    // An initialisation that is repeated counts as the invocation's.
    const spentMs = event.repeatsInit === true ? Math.round(initMs) : 0
    this.#api?.hand({
      requestId,
      invocationId: randomUUID(),
      payload: payloadText(payload),
      deadlineMs: nowMs + timeoutMs - spentMs,
      functionArn: invokedFunctionArn,
      traceId: traceId(nowMs, randomBytes(20)),
      ...(clientContext === undefined ? {} : { clientContext: contextHeader(clientContext) }),
    })
  }

  // A runtime ends itself after it has said so; one that does not is ended.
  #initFailed(payload: string): void {
    if (this.#current !== undefined) this.#current.initError = payload
    this.#timer = this.#machine.clock.after(processEndGraceMs, () => this.#process?.kill())
  }

  async #settle(current: CurrentEvent, process: RuntimeProcess): Promise<void> {
    await process.outputRead()
    // Unless it was ended from outside meanwhile, and is settled.
    if (this.#current !== current) return
    process.freeze()
    this.#over(current)
  }

  #over(current: CurrentEvent): void {
    const memoryUsedMb = this.#use()
    const { logMessages, lateOutput } = this.#output.end()
    this.#current = undefined
    if (current.answer === undefined) return
    const { durationMs, ...answer } = current.answer
    const { initMs } = current
    current.over({
      kind: 'result',
      result: {
        ...answer,
        durationMs,
        memoryUsedMb,
        logMessages,
        lateOutput,
        ...(initMs === undefined ? {} : { initMs }),
      },
    })
  }

  #stop(current: CurrentEvent, end: 'stopped' | 'out-of-memory'): void {
    if (this.#current !== current) return
    current.end ??= end
    // Afterwards nobody can say what it took.
    this.#use()
    this.#share.release()
    this.#process?.kill()
  }

  #ending(): void {
    // What it has started is to end as well, and at its share that takes hundreds of processes long.
    this.#share.release()
    if (this.#current !== undefined) return
    this.#isGone = true
    this.#listener.onEnding()
  }

  async #exited(reason: string): Promise<void> {
    const current = this.#current
    this.#timer?.cancel()
    this.#api?.close()
    this.#share.end()
    if (this.#process !== undefined) this.#machine.guard.remove(this.#process.pid)
    this.#use()
    this.#isGone = true
    if (current?.answer !== undefined) this.#over(current)
    else if (current !== undefined) this.#died(current, reason)
    return this.#leave()
  }

  #died(current: CurrentEvent, reason: string): void {
    const { lateOutput } = this.#output.end()
    if (lateOutput !== '') current.log(lateOutput)
    this.#current = undefined
    current.diedWith(this.#storage.problem ?? reason)
  }

  async #leave(): Promise<void> {
    this.#api?.close()
    await this.#storage.leave(this.#process !== undefined && !this.#isAskedToEnd)
    this.#listener.onGone()
  }

  #watch(process: RuntimeProcess): void {
    this.#watched = {
      pid: process.pid,
      memoryMaxBytes: this.#settings.memorySizeMb * 1024 * 1024,
      onExceeded: () => this.#current && this.#stop(this.#current, 'out-of-memory'),
    }
    this.#machine.memory.add(this.#watched)
    this.#storage.begin()
  }

  #storageExceeded(problem: string): void {
    if (this.#current === undefined) this.#log?.put(`[ERROR] ${problem}`)
    this.#use()
    this.#share.release()
    this.#process?.kill()
    // No event is to come to it any more, also before its end is heard of.
    this.#ending()
  }

  /** Tells what was taken since it was last told, and gives the memory of it. */
  #use(): number | undefined {
    if (this.#watched === undefined || this.#process === undefined) return undefined
    const peakBytes = this.#machine.memory.remove(this.#watched)
    const cpuMs = processStat(this.#process.pid)?.cpuMs ?? this.#cpuMs
    const memoryUsedMb = peakBytes === undefined ? undefined : Math.ceil(peakBytes / 1024 / 1024)
    this.#listener.onUse({ cpuMs: Math.max(0, cpuMs - this.#cpuMs), memoryUsedMb })
    this.#cpuMs = cpuMs
    this.#watched = undefined
    if (this.#current !== undefined) this.#current.memoryUsedMb = memoryUsedMb
    return memoryUsedMb
  }
}
