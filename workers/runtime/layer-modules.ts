// Lets ES modules import packages that lie in layers; `require` finds them by NODE_PATH.
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Lambda, from nodejs18.x on: what `import` does not find beside the module is looked for in those of `folders` that
 * are a `node_modules`. Affects this thread alone.
 */
export function importFrom(folders: readonly string[]): void {
  const packages = folders.filter((folder) => folder.endsWith('/node_modules'))
  const parents = packages.map((folder) => pathToFileURL(join(folder, '..', 'any.js')).href)
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      try {
        return nextResolve(specifier, context)
      } catch (error) {
        if (!isMissing(error) || !isBare(specifier)) throw error
        for (const parentURL of parents) {
          try {
            return nextResolve(specifier, { ...context, parentURL })
          } catch (other) {
            if (!isMissing(other)) throw other
          }
        }
        throw error
      }
    },
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
}

/** The name of a package, with or without a path in it. */
function isBare(specifier: string): boolean {
  return !/^(\.|\/|#|[a-z]+:)/.test(specifier)
}
