// Finds which version of a function an invocation runs: the one named, or one of an alias's two.
import { latestVersion } from '../control/registry/function-version.ts'
import type { FunctionRecord, Registry, VersionRecord } from '../control/registry/registry.ts'

/** `random` is from 0 to below 1; an alias of two versions parts it by their weights. */
export function chooseVersion(
  { aliases }: FunctionRecord,
  qualifier: string | undefined,
  random: () => number,
): string {
  const alias = aliases?.find(({ name }) => name === qualifier)
  if (alias === undefined) return qualifier ?? latestVersion
  const { functionVersion, additional } = alias
  if (additional === undefined) return functionVersion
  return random() < additional.weight ? additional.version : functionVersion
}

export function recordOf(
  registry: Registry,
  name: string,
  version: string,
): FunctionRecord | VersionRecord | undefined {
  const latest = registry.function(name)
  // What is left of a function that is gone runs no more.
  if (latest === undefined || version === latestVersion) return latest
  return registry.version(name, version)
}
