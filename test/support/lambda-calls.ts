// Calls the Lambda API without an SDK, which would refuse what a test wants to send.
import { expect } from 'vitest'
import type { ControlHarness } from './control-harness.ts'
import type { Input, Operation } from './lambda-operation.ts'
import { lambdaOperations } from './lambda-operations.ts'

/** A client that waits longer has been left hanging. */
const answerMaxMs = 10_000

export interface Answer {
  readonly status: number
  /** Of the header that SDKs go by; empty where nothing was refused. */
  readonly code: string
  readonly message: string
}

export type Calls = ReturnType<typeof callsOf>

/** With a body of its own, members of the input's body are not sent. */
export function callsOf({ url }: Pick<ControlHarness, 'url'>) {
  return async (
    { method, path, query = {}, headers = {}, members }: Operation,
    input: Input,
    ownBody?: string | Uint8Array<ArrayBuffer>,
  ): Promise<Answer> => {
    const text = (name: string): string => String(input[name])
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(text(name)),
    )
    const target = new URL(filled, url)
    const rest = new Map(Object.entries(input))
    for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) rest.delete(name)
    for (const [name, wire] of Object.entries(query)) {
      if (rest.delete(name)) target.searchParams.append(wire, text(name))
    }
    const sent = new Headers()
    for (const [name, wire] of Object.entries(headers)) {
      if (rest.delete(name)) sent.set(wire, text(name))
    }
    const json = members === undefined ? undefined : JSON.stringify(Object.fromEntries(rest))
    const body = ownBody ?? json
    const signal = AbortSignal.timeout(answerMaxMs)
    const response = await fetch(target, {
      method,
      headers: sent,
      signal,
      ...(body === undefined ? {} : { body }),
    })
    return answerOf(response)
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response
  const text = await response.text()
  if (status < 400) return { status, code: '', message: '' }
  const body = JSON.parse(text) as { message?: unknown; Message?: unknown }
  return {
    status,
    code: headers.get('x-amzn-errortype') ?? '',
    message: String(body.message ?? body.Message),
  }
}

/** Makes what the operations' good inputs are about: a function with a version, an alias and more. */
export async function prepareFunction(harness: ControlHarness): Promise<void> {
  const operations = lambdaOperations(harness.dataDir)
  const call = callsOf(harness)
  const steps: readonly [string, Input][] = [
    ['CreateFunction', { FunctionName: 'tyres', Tags: { car: '44' } }],
    ['PublishVersion', {}],
    ['CreateAlias', { Name: 'live' }],
    ['AddPermission', { StatementId: 'one' }],
    ['PutFunctionEventInvokeConfig', {}],
    ['PutProvisionedConcurrencyConfig', {}],
    ['PublishLayerVersion', {}],
  ]
  for (const [name, input] of steps) {
    const operation = operations[name]
    if (operation === undefined) throw new Error(`There is no ${name}`)
    expect((await call(operation, { ...operation.good, ...input })).message, name).toBe('')
  }
}

/** All that the Lambda API keeps of functions. */
export function keptOf({ registry }: ControlHarness): string {
  return JSON.stringify([registry.functions(), registry.versions(), registry.mappings()])
}

/** Puts back what an operation has changed that was taken. */
export function restorerOf({ registry }: ControlHarness): () => Promise<void> {
  const [functions, versions] = [[...registry.functions()], [...registry.versions()]]
  return async () => {
    const kept = new Set(functions.map(({ name }) => name))
    for (const { name } of registry.functions()) {
      if (!kept.has(name)) await registry.removeFunction(name)
    }
    for (const record of functions) {
      if (registry.function(record.name) !== record) await registry.putFunction(record)
    }
    const numbers = new Set(versions.map(({ name, version }) => `${name}:${version}`))
    for (const { name, version } of registry.versions()) {
      if (!numbers.has(`${name}:${version}`)) await registry.removeVersion(name, version)
    }
    for (const record of versions) {
      if (registry.version(record.name, record.version) !== record) {
        await registry.putVersion(record)
      }
    }
  }
}
