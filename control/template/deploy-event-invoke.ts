// Brings EventInvokeConfig about: how asynchronous events of a function, or of its alias, are to go.
import { isDeepStrictEqual } from 'node:util'
import { LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import { configOf } from '../lambda/event-invoke-config-rules.ts'
import type { FunctionService } from '../lambda/function-service.ts'
import { latestVersion } from '../registry/function-version.ts'
import type { PlannedFunction } from './plan.ts'

export type EventInvokeDeployer = Pick<FunctionService, 'eventInvokeConfigs'>

/**
 * Call when the functions of the template are there, which may be each other's destinations. As SAM has it the
 * alias has the configuration where there is one, and else $LATEST. Answers whether anything changed.
 */
export async function deployEventInvoke(
  { configuration: { FunctionName: name }, alias, eventInvoke }: PlannedFunction,
  { eventInvokeConfigs: configs }: EventInvokeDeployer,
): Promise<Outcome<boolean>> {
  const qualifier = alias?.name ?? latestVersion
  let changed = false
  for (const each of new Set([latestVersion, qualifier])) {
    const of = { name, qualifier: each }
    const current = configs.get(of)
    const wanted = each === qualifier ? eventInvoke : undefined
    if (current instanceof LambdaApiError && current.code !== 'ResourceNotFoundException')
      return current
    const config = current instanceof LambdaApiError ? undefined : current.config
    if (wanted === undefined && config === undefined) continue
    if (wanted !== undefined && config !== undefined) {
      if (isDeepStrictEqual(configOf(wanted, config.lastModifiedMs), config)) continue
    }
    const outcome = await (wanted === undefined ? configs.delete(of) : configs.put(of, wanted))
    if (outcome instanceof LambdaApiError) return outcome
    changed = true
  }
  return changed
}
