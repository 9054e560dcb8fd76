// What a function's logging comes to where it says nothing: as text, all levels, to a group of its own.
import type { FunctionRecord } from './registry.ts'

export interface EffectiveLogging {
  readonly format: 'Text' | 'JSON'
  readonly group: string
  /** Only as JSON are levels told apart. */
  readonly applicationLevel: string | undefined
  readonly systemLevel: string | undefined
}

export function loggingOf({ name, logging }: FunctionRecord): EffectiveLogging {
  const group = logging?.group ?? `/aws/lambda/${name}`
  if (logging?.format !== 'JSON') {
    return { format: 'Text', group, applicationLevel: undefined, systemLevel: undefined }
  }
  const { applicationLevel = 'INFO', systemLevel = 'INFO' } = logging
  return { format: 'JSON', group, applicationLevel, systemLevel }
}
