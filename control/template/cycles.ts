// Finds resources that refer to each other in a circle, which nothing can deploy.
import { referencesOf } from './intrinsics.ts'
import { resourceTypes, type Resource } from './resources.ts'

/** A circle of logical ids, from the reference at `line` back to where it came from. */
export interface Cycle {
  readonly path: readonly string[]
  readonly line: number
}

/** Every circle that a depth-first walk closes, in the order of the template. */
export function findCycles(resources: ReadonlyMap<string, Resource>): readonly Cycle[] {
  const done = new Set<string>()
  const cycles: Cycle[] = []
  const visit = (resource: Resource, path: readonly string[]): void => {
    const here = [...path, resource.logicalId]
    for (const { name, line } of referencesFrom(resource)) {
      const target = resources.get(name)
      const start = here.indexOf(name)
      if (start >= 0) cycles.push({ path: [...here.slice(start), name], line })
      else if (target !== undefined && !done.has(name)) visit(target, here)
    }
    done.add(resource.logicalId)
  }
  for (const resource of resources.values()) {
    if (!done.has(resource.logicalId)) visit(resource, [])
  }
  return cycles
}

function referencesFrom({ type, properties }: Resource): ReturnType<typeof referencesOf> {
  const apart = resourceTypes.get(type)?.apart ?? []
  return [...properties.entries]
    .filter(([name]) => !apart.includes(name))
    .flatMap(([, { value }]) => referencesOf(value))
}
