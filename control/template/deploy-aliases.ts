// Brings AutoPublishAlias about: a version of what has changed, the alias on it, what is provisioned of it.
import { LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import type { FunctionService } from '../lambda/function-service.ts'
import type { PlannedFunction } from './plan.ts'

export type AliasDeployer = Pick<FunctionService, 'versions' | 'aliases' | 'provisioned' | 'find'>

/**
 * Publishes, and moves the alias to what was published, as SAM does. The version of code in a directory follows
 * the directory, so that an edit reaches those who call the alias. Answers whether anything changed. Rejects with AppError STORAGE_FAILED.
 */
export async function deployAlias(
  { configuration: { FunctionName: name }, alias, publishes }: PlannedFunction,
  functions: AliasDeployer,
): Promise<Outcome<boolean>> {
  if (alias === undefined && publishes !== true) return false
  const before = functions.find(name)
  const version = await functions.versions.publish(name, {}, { followsDirectory: true })
  if (version instanceof LambdaApiError) return version
  if (alias === undefined) {
    return before instanceof LambdaApiError || before.latest.lastVersion !== Number(version.version)
  }
  const moved = await moveAlias(name, alias.name, { version: version.version, functions })
  if (moved instanceof LambdaApiError) return moved
  const provisioned = await provision(name, alias, functions)
  if (provisioned instanceof LambdaApiError) return provisioned
  return moved || provisioned
}

async function moveAlias(
  name: string,
  alias: string,
  to: { readonly version: string; readonly functions: AliasDeployer },
): Promise<Outcome<boolean>> {
  const { aliases } = to.functions
  const current = aliases.get(name, alias)
  const FunctionVersion = to.version
  if (current instanceof LambdaApiError) {
    if (current.code !== 'ResourceNotFoundException') return current
    const created = await aliases.create(name, { Name: alias, FunctionVersion })
    return created instanceof LambdaApiError ? created : true
  }
  const { functionVersion, additional } = current.alias
  if (functionVersion === FunctionVersion && additional === undefined) return false
  const updated = await aliases.update(name, alias, { FunctionVersion, RoutingConfig: {} })
  return updated instanceof LambdaApiError ? updated : true
}

async function provision(
  name: string,
  { name: alias, provisioned: wanted }: NonNullable<PlannedFunction['alias']>,
  functions: AliasDeployer,
): Promise<Outcome<boolean>> {
  const found = functions.find(name)
  if (found instanceof LambdaApiError) return found
  const now = found.latest.provisioned?.find(({ qualifier }) => qualifier === alias)?.executions
  if (now === wanted) return false
  const outcome =
    wanted === undefined
      ? await functions.provisioned.delete(name, alias)
      : await functions.provisioned.put(name, alias, { ProvisionedConcurrentExecutions: wanted })
  return outcome instanceof LambdaApiError ? outcome : true
}
