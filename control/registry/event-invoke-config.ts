// Reads a function's configuration of asynchronous invocations for one of its versions or aliases.
import type { EventInvokeConfig, FunctionRecord } from './registry.ts'

/** An alias may be named as what every object has: `constructor`. */
export function eventInvokeConfigOf(
  { eventInvokeConfigs = {} }: Pick<FunctionRecord, 'eventInvokeConfigs'>,
  qualifier: string,
): EventInvokeConfig | undefined {
  return Object.hasOwn(eventInvokeConfigs, qualifier) ? eventInvokeConfigs[qualifier] : undefined
}
