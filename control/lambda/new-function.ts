// Makes the record of a new function, or of one whose configuration changes, of what its request says.
import { randomUUID } from 'node:crypto'
import type { FunctionCode, FunctionRecord } from '../registry/registry.ts'
import { deadLetterOf } from './dead-letter.ts'
import type { CreateFunctionInput, UpdateFunctionConfigurationInput } from './requests.ts'
import { tagsMember } from './tag-rules.ts'

/** With Lambda's defaults for what is not said. */
export function newFunction(
  input: CreateFunctionInput,
  of: {
    readonly name: string
    readonly arn: string
    readonly code: FunctionCode
    readonly nowMs: number
  },
): FunctionRecord {
  const { nowMs, ...given } = of
  return {
    ...given,
    // Not 1: a function that is deleted and created again must not look unchanged to the workers.
    revision: nowMs,
    revisionId: randomUUID(),
    lastModifiedMs: nowMs,
    runtime: input.Runtime ?? '',
    handler: input.Handler ?? '',
    role: input.Role ?? '',
    description: input.Description ?? '',
    memorySizeMb: input.MemorySize ?? 128,
    timeoutSeconds: input.Timeout ?? 3,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? 512,
    architectures: input.Architectures ?? ['x86_64'],
    environment: input.Environment?.Variables ?? {},
    ...tagsMember(input.Tags),
    ...deadLetterOf(input),
  }
}

/** What is not said stays. Logging and layers are looked at elsewhere. */
export function changedConfiguration(
  current: FunctionRecord,
  input: UpdateFunctionConfigurationInput,
): FunctionRecord {
  const { deadLetterArn: _, ...rest } = current
  return {
    ...rest,
    ...deadLetterOf(input, current),
    runtime: input.Runtime ?? current.runtime,
    role: input.Role ?? current.role,
    handler: input.Handler ?? current.handler,
    description: input.Description ?? current.description,
    timeoutSeconds: input.Timeout ?? current.timeoutSeconds,
    memorySizeMb: input.MemorySize ?? current.memorySizeMb,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? current.ephemeralStorageMb,
    environment:
      input.Environment === undefined ? current.environment : (input.Environment.Variables ?? {}),
  }
}
