// Asks the Lambda API's rules about a whole plan first, so that a refused one changes nothing.
import { stat } from 'node:fs/promises'
import { systemClock, type Clock } from '../../common/clock.ts'
import { systemCode } from '../../common/errors.ts'
import { LambdaApiError } from '../lambda/api-errors.ts'
import { sourceKindOf } from '../registry/mapping-source.ts'
import type { FunctionService } from '../lambda/function-service.ts'
import { failureHandlingOf } from '../lambda/failure-handling.ts'
import { checkConfigShape, checkDestinations } from '../lambda/event-invoke-config-rules.ts'
import { functionArn } from '../lambda/function-name.ts'
import { changedLogging } from '../lambda/logging-config.ts'
import { Violations } from '../../common/aws/validation.ts'
import { checkNewFunction } from '../lambda/function-rules.ts'
import {
  checkMappingShape,
  filterPatternsOf,
  refuseUnavailableOfMapping,
  sourceOf,
  startOf,
} from '../lambda/mapping-rules.ts'
import { provisionedPollersOf } from '../lambda/provisioned-pollers.ts'
import { schemaRegistryOf } from '../lambda/schema-registry.ts'
import { sourceAccessOf } from '../lambda/source-access.ts'
import type { MappingInput, Plan, PlannedCode, PlannedFunction } from './plan.ts'

export interface PreflightOptions {
  readonly functions: Pick<FunctionService, 'refuseReservations' | 'get'>
  readonly region: string
  readonly accountId: string
  readonly clock?: Clock
}

/** What would be refused, and the line of the template that it comes from. */
export interface Refusal {
  readonly line: number
  readonly message: string
}

/** Every refusal that can be told without changing anything, in the order of the plan. */
export async function preflight(
  plan: Plan,
  options: PreflightOptions,
): Promise<readonly Refusal[]> {
  const { functions: service, clock = systemClock } = options
  const functions = await Promise.all(plan.functions.map(refusalOfFunction))
  const names = new Set(plan.functions.map(({ configuration }) => configuration.FunctionName))
  const events = plan.functions.map((planned) => refusalOfEvents(planned, names, options))
  const mappings = plan.mappings.map(({ input, line, logicalId }) => {
    const error = refusalOfMapping(input, clock.now())
    return error === undefined ? undefined : { line, message: `mapping ${logicalId}: ${error}` }
  })
  const reservations = refusalOfReservations(plan.functions, service)
  return [...functions, ...events, reservations, ...mappings].filter(
    (refusal) => refusal !== undefined,
  )
}

/** All of a template at once; the line is that of the function that reserves most. */
function refusalOfReservations(
  planned: readonly PlannedFunction[],
  functions: PreflightOptions['functions'],
): Refusal | undefined {
  const reservations = planned.map(
    (f) => [f.configuration.FunctionName, f.reservedConcurrency] as const,
  )
  const message = functions.refuseReservations(new Map(reservations))?.message
  if (message === undefined) return undefined
  const [most] = planned.toSorted(
    (a, b) => (b.reservedConcurrency ?? 0) - (a.reservedConcurrency ?? 0),
  )
  const name = most?.configuration.FunctionName ?? ''
  return { line: most?.line ?? 1, message: `function ${name}: ${message}` }
}

async function refusalOfFunction(planned: PlannedFunction): Promise<Refusal | undefined> {
  const { code, configuration, line, tags } = planned
  const input = { ...configuration, ...(tags === undefined ? {} : { Tags: tags }), Code: {} }
  const logging = changedLogging(undefined, configuration.LoggingConfig)
  const refused = checkNewFunction(input) ?? logging
  const error = refused instanceof LambdaApiError ? refused.message : undefined
  const reason = error ?? (await codeProblem(code))
  if (reason === undefined) return undefined
  return { line, message: `function ${configuration.FunctionName}: ${reason}` }
}

/** Functions of the template may be each other's destinations before they are there. */
function refusalOfEvents(
  { configuration: { FunctionName: name }, eventInvoke, line }: PlannedFunction,
  names: ReadonlySet<string>,
  { functions, region, accountId }: PreflightOptions,
): Refusal | undefined {
  if (eventInvoke === undefined) return undefined
  const account = { region, accountId }
  const exists = (other: string): boolean =>
    names.has(other) || !(functions.get(other) instanceof LambdaApiError)
  const arn = functionArn(account, name)
  const error =
    checkConfigShape(new Violations(), eventInvoke) ??
    checkDestinations(eventInvoke, { account, arn, exists })
  return error === undefined ? undefined : { line, message: `function ${name}: ${error.message}` }
}

async function codeProblem(code: PlannedCode): Promise<string | undefined> {
  if (code.kind === 'inline') return undefined
  const path = code.kind === 'zip' ? code.file : code.directory
  try {
    const isDirectory = (await stat(path)).isDirectory()
    if (code.kind === 'zip') return isDirectory ? `CodeUri: ${path} is a directory` : undefined
    return isDirectory ? undefined : `CodeUri: ${path} is not a directory`
  } catch (error) {
    const reason = systemCode(error)
    if (reason === undefined) throw error
    return code.kind === 'zip'
      ? `CodeUri: ${path} cannot be read (${reason})`
      : `CodeUri: ${path} is not a directory`
  }
}

function refusalOfMapping(input: MappingInput, nowMs: number): string | undefined {
  const { EventSourceArn: eventSourceArn } = input
  const kind = sourceKindOf(eventSourceArn === undefined ? {} : { eventSourceArn })
  const outcomes: readonly unknown[] = [
    checkMappingShape(input, 'create'),
    sourceOf(input),
    refuseUnavailableOfMapping(input, kind),
    startOf(input, nowMs),
    filterPatternsOf(input, kind),
    provisionedPollersOf(input),
    failureHandlingOf(input, input.Topics?.[0] ?? ''),
    sourceAccessOf(input),
    schemaRegistryOf(input, eventSourceArn === undefined ? {} : { eventSourceArn }),
  ]
  return outcomes.find((outcome) => outcome instanceof LambdaApiError)?.message
}
