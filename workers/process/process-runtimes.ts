// Opens pools of processes for functions of other runtimes than Node's; one for all functions.
import { tmpdir } from 'node:os'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { FunctionRecord, VersionRecord } from '../../control/registry/registry.ts'
import { versionOf } from '../../control/registry/function-version.ts'
import type { EnvironmentPool } from '../environment-pool.ts'
import { Launcher } from './launcher.ts'
import { MemoryWatch } from './memory-watch.ts'
import { OrphanGuard } from './orphan-guard.ts'
import { PrivateDirectories } from './private-directories.ts'
import type { ProcessMachine } from './process-environment.ts'
import { ProcessPool, type ProcessPoolOptions } from './process-pool.ts'
import { StorageWatch } from './storage-watch.ts'
import { RuntimeSearch } from './runtime-search.ts'

export interface ProcessPoolRequest extends Omit<ProcessPoolOptions, 'settings' | 'machine'> {
  readonly record: FunctionRecord | VersionRecord
  /** Lambda's variables and the function's. */
  readonly environment: Readonly<Record<string, string>>
}

/** Takes nothing of the machine until a function needs it. */
export class ProcessRuntimes {
  readonly #clock: Clock
  readonly #search: RuntimeSearch
  #machine: Promise<ProcessMachine> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#search = new RuntimeSearch(clock)
  }

  /** Rejects with AppError RUNTIME_MISSING, which says what to install. */
  async openPool(request: ProcessPoolRequest): Promise<EnvironmentPool> {
    const { record, environment, ...rest } = request
    const { directory } = record.code
    const runtime = await this.#search.find(record.runtime, directory, record.layers?.directory)
    if (runtime.kind === 'missing') {
      throw new AppError('RUNTIME_MISSING', { runtime: record.runtime, advice: runtime.advice })
    }
    return new ProcessPool({
      ...rest,
      machine: await this.#openMachine(),
      settings: {
        command: runtime.command,
        args: runtime.args,
        directory,
        environment: ownEnvironment(record, environment, runtime.directory),
        functionArn: record.arn,
        functionVersion: versionOf(record),
        memorySizeMb: record.memorySizeMb,
        ephemeralStorageMb: record.ephemeralStorageMb,
        timeoutMs: record.timeoutSeconds * 1000,
      },
    })
  }

  async #openMachine(): Promise<ProcessMachine> {
    this.#machine ??= createMachine(this.#clock)
    try {
      return await this.#machine
    } catch (error) {
      // The disk may be full now and not at the next invocation.
      this.#machine = undefined
      const reason = reasonOf(error)
      throw new AppError(
        'STORAGE_FAILED',
        { operation: 'make a directory in', file: tmpdir(), reason },
        error,
      )
    }
  }

  /** To be called when all pools are closed. */
  async close(): Promise<void> {
    const machine = await this.#machine?.catch(() => undefined)
    if (machine === undefined) return
    machine.memory.close()
    machine.storage.close()
    await machine.guard.close()
    await machine.launcher.close()
    await machine.directories.close()
  }
}

async function createMachine(clock: Clock): Promise<ProcessMachine> {
  const directories = new PrivateDirectories()
  const guard = new OrphanGuard(directories.root)
  const launcher = new Launcher()
  const memory = new MemoryWatch(clock, (leaders) => launcher.memory(leaders))
  return { clock, directories, guard, launcher, memory, storage: new StorageWatch(clock) }
}

function ownEnvironment(
  { runtime, environment: { NODE_OPTIONS } }: FunctionRecord | VersionRecord,
  { AWS_EXECUTION_ENV, ...environment }: Readonly<Record<string, string>>,
  runtimeDirectory: string,
): Record<string, string> {
  // Lambda: runtimes of one's own are not told what they run in.
  const isNamed = !runtime.startsWith('provided') && AWS_EXECUTION_ENV !== undefined
  return {
    ...environment,
    ...(isNamed ? { AWS_EXECUTION_ENV } : {}),
    // Threads cannot take it; a process that is Node can.
    ...(NODE_OPTIONS === undefined ? {} : { NODE_OPTIONS }),
    LAMBDA_RUNTIME_DIR: runtimeDirectory,
  }
}
