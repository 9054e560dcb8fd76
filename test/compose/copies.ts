// What a function that runs in several copies of the workers must keep to: its reservation, over all of them.
import {
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  TooManyRequestsException,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import { createFunction } from '../support/lambda.ts'

export const reserved = 3
const runMs = 400

const handler = `
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
export const handler = async () => {
  const startedMs = Date.now()
  await setTimeout(${runMs})
  return { host: hostname(), startedMs, endedMs: Date.now() }
}
`

interface Run {
  readonly host: string
  readonly startedMs: number
  readonly endedMs: number
}

export interface Overlap {
  readonly runs: number
  readonly throttled: number
  /** Containers that ran any. */
  readonly hosts: number
  /** Most that ran at one moment. */
  readonly atOnce: number
}

/** A function that says where and when it ran, and may run `reserved` times at once. */
export async function deployReserved(client: LambdaClient): Promise<void> {
  await createFunction(client, { name: 'reserved', files: { 'index.mjs': handler } })
  await client.send(
    new PutFunctionConcurrencyCommand({
      FunctionName: 'reserved',
      ReservedConcurrentExecutions: reserved,
    }),
  )
}

/** Callers that invoke it again as soon as they are answered, whether it ran or was throttled. */
export async function overlapUnderLoad(
  client: LambdaClient,
  { callers, forMs }: { readonly callers: number; readonly forMs: number },
): Promise<Overlap> {
  const runs: Run[] = []
  let throttled = 0
  const until = performance.now() + forMs
  const call = async (): Promise<void> => {
    while (performance.now() < until) {
      try {
        const { Payload } = await client.send(new InvokeCommand({ FunctionName: 'reserved' }))
        runs.push(JSON.parse(Buffer.from(Payload ?? []).toString()) as Run)
      } catch (error) {
        if (!(error instanceof TooManyRequestsException)) throw error
        throttled += 1
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
  const hosts = new Set(runs.map(({ host }) => host)).size
  return { runs: runs.length, throttled, hosts, atOnce: mostAtOnce(runs) }
}

function mostAtOnce(runs: readonly Run[]): number {
  const changes = runs.flatMap(({ startedMs, endedMs }) => [
    { atMs: startedMs, change: 1 },
    { atMs: endedMs, change: -1 },
  ])
  // An end comes before a start of the same millisecond: they did not overlap.
  changes.sort((a, b) => a.atMs - b.atMs || a.change - b.change)
  let now = 0
  let most = 0
  for (const { change } of changes) most = Math.max(most, (now += change))
  return most
}
