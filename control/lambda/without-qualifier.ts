// What is left of a function when a version or an alias of it goes; pure.
import type { FunctionRecord } from '../registry/registry.ts'
import { withoutProvisioned } from './provisioned-service.ts'

/** Policy, asynchronous configuration and provisioned concurrency go with what they were for. */
export function withoutQualifier(latest: FunctionRecord, qualifier: string): FunctionRecord {
  const { policies = [], eventInvokeConfigs = {}, ...rest } = withoutProvisioned(latest, qualifier)
  const left = policies.filter((policy) => policy.qualifier !== qualifier)
  const { [qualifier]: _, ...configs } = eventInvokeConfigs
  return {
    ...rest,
    ...(left.length === 0 ? {} : { policies: left }),
    ...(Object.keys(configs).length === 0 ? {} : { eventInvokeConfigs: configs }),
  }
}
