// With which limits and which cache threads are started.
import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { keepLoopsStoppable } from '../common/endless-loops.ts'
import { threadHeapHeadroomMb } from '../common/environment-limits.ts'

export function resourceLimits(memorySizeMb: number) {
  // Without it neither the memory nor the time of some loops could be limited.
  keepLoopsStoppable()
  return {
    maxOldGenerationSizeMb: memorySizeMb + threadHeapHeadroomMb,
    // Lambda starts Node with semi-spaces of 5 % of the memory; V8 has three of them.
    maxYoungGenerationSizeMb: Math.min(48, Math.ceil(memorySizeMb * 0.15)),
  }
}

/**
 * Without it each thread loads Node's type stripper for our own files: 12 MB and half of its start.
 * The thread takes it out of its environment before a handler sees it.
 */
export function compileCache(): { readonly NODE_COMPILE_CACHE?: string } {
  // A folder of this version of Node below the one that was asked for.
  const directory = getCompileCacheDir()
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) }
}
