// Makes the record of a new function: what its request says, and Lambda's defaults for the rest.
import { randomUUID } from 'node:crypto'
import type { FunctionCode, FunctionRecord } from '../registry/registry.ts'
import { deadLetterOf } from './dead-letter.ts'
import type { CreateFunctionInput } from './requests.ts'
import { tagsMember } from './tag-rules.ts'

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
