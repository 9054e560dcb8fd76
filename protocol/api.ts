// What a table of one Kafka API holds: its key, its versions and its two messages.
import type { Field } from './fields.ts'

export interface Api<
  Name extends string = string,
  RequestRead = unknown,
  RequestWrite = never,
  ResponseRead = unknown,
  ResponseWrite = never,
> {
  readonly key: number
  readonly name: Name
  readonly minVersion: number
  readonly maxVersion: number
  /** The first version with compact forms and tagged fields (KIP-482). */
  readonly flexibleSince: number
  readonly request: Field<RequestRead, RequestWrite>
  readonly response: Field<ResponseRead, ResponseWrite>
}

/** Infers the types of a table. */
export function defineApi<const Name extends string, RR, RW, SR, SW>(
  api: Api<Name, RR, RW, SR, SW>,
): Api<Name, RR, RW, SR, SW> {
  return api
}
