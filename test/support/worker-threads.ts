// Starts the workers' invoker on a registry in memory, for tests that run real threads.
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../common/clock.ts'
import type { InvocationCompleted, InvocationResult } from '../../common/invocation.ts'
import { silentLogger } from '../../common/logger.ts'
import type { FunctionRecord } from '../../control/registry/registry.ts'
import { Invoker, type InvokerOptions } from '../../workers/invoker.ts'
import { functionFolder, Gate, passGate } from './function-folder.ts'
import { functionRecord, MemoryRegistry } from './memory-registry.ts'

/** An invoker, and functions made from texts. `stop` checks its invariants and removes the files. */
export function startInvoker(options: Partial<InvokerOptions> = {}) {
  const registry = new MemoryRegistry()
  const cleanups: (() => unknown)[] = []
  const invoker = new Invoker({
    registry,
    region: 'us-east-1',
    accountId: '000000000000',
    accountConcurrency: 100,
    waitingMaxBytes: 10_000_000,
    environmentsMax: 4,
    idleTimeoutMs: 60_000,
    clock: systemClock,
    logger: silentLogger,
    ...options,
  })
  return {
    registry,
    invoker,
    /** Deploys `files` (one text is index.js) under `name`; resolves with their folder. */
    async deploy(
      name: string,
      files: string | Readonly<Record<string, string>>,
      changes: Partial<FunctionRecord> = {},
    ) {
      const folder = await functionFolder(typeof files === 'string' ? { 'index.js': files } : files)
      cleanups.push(() => folder.remove())
      await registry.putFunction(functionRecord(name, folder.directory, changes))
      return folder
    },
    /** A function that waits at a gate and returns how often its thread has run. */
    async deployGated(name: string, changes: Partial<FunctionRecord> = {}) {
      const gateName = randomUUID()
      const gate = new Gate(gateName)
      cleanups.push(() => gate.close())
      const source = `let n = 0\nexports.handler = async () => { await (${passGate})('${gateName}'); return ++n }`
      await this.deploy(name, source, { timeoutSeconds: 60, ...changes })
      return gate
    },
    invoke: (functionName: string, event: unknown = {}, tailLog = false) =>
      invoker.invoke({ functionName, payload: JSON.stringify(event), tailLog }),
    async stop(graceMs = 1000): Promise<void> {
      await invoker.stop(graceMs)
      const broken = invoker.check()
      for (const cleanup of cleanups) await cleanup()
      if (broken !== undefined) throw new Error(broken)
    },
  }
}

/** The result of a function that ran; throws what was refused. */
export function completed(result: InvocationResult): InvocationCompleted {
  if (result.outcome === 'completed') return result
  throw new Error(`${result.code}: ${result.message}`)
}

/** What the handler returned, or its error payload. */
export function valueOf(result: InvocationResult): unknown {
  return JSON.parse(completed(result).payload)
}

/** The text of a log tail. */
export function tailOf(result: InvocationResult): string {
  return Buffer.from(completed(result).logTail ?? '', 'base64').toString()
}
