// How many environments each version of a function is to have ready; pure, for control and workers alike.
import { latestVersion } from './function-version.ts'
import type { FunctionRecord, ProvisionedRecord } from './registry.ts'

/** The versions that a configuration of this qualifier is about; `$LATEST` has none. */
export function versionsBehind({ aliases }: FunctionRecord, qualifier: string): readonly string[] {
  const alias = aliases?.find(({ name }) => name === qualifier)
  const second = alias?.additional === undefined ? [] : [alias.additional.version]
  return [alias?.functionVersion ?? qualifier, ...second].filter((name) => name !== latestVersion)
}

/** An alias of two versions parts what it is given by their weights. */
export function versionsOf(
  { aliases }: FunctionRecord,
  { qualifier, executions }: ProvisionedRecord,
): ReadonlyMap<string, number> {
  const alias = aliases?.find(({ name }) => name === qualifier)
  if (alias === undefined) return new Map([[qualifier, executions]])
  const { functionVersion, additional } = alias
  const rest = additional === undefined ? 0 : Math.round(executions * additional.weight)
  const parts: [string, number][] = [[functionVersion, executions - rest]]
  if (additional !== undefined) parts.push([additional.version, rest])
  return new Map(parts.filter(([version, count]) => version !== latestVersion && count > 0))
}

/** By version, of all configurations together. */
export function provisionedByVersion(latest: FunctionRecord): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const config of latest.provisioned ?? []) {
    for (const [version, count] of versionsOf(latest, config)) {
      sums.set(version, (sums.get(version) ?? 0) + count)
    }
  }
  return sums
}

export function provisionedTotal({
  provisioned = [],
}: Pick<FunctionRecord, 'provisioned'>): number {
  return provisioned.reduce((sum, { executions }) => sum + executions, 0)
}
