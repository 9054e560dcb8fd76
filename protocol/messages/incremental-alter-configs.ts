// IncrementalAlterConfigs (key 44): changes single configurations of topics or brokers (KIP-339).
import { defineApi } from '../api.ts'
import { array, bool, int32, int8, nullableString, optional, string, struct } from '../fields.ts'
import { alteredResources } from './alter-configs.ts'

/** APPEND and SUBTRACT are for configurations that are lists. */
export const configOperations = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

/* v1: flexible. */
export const incrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  minVersion: 0,
  maxVersion: 1,
  flexibleSince: 1,
  request: struct({
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(struct({ name: string, configOperation: int8, value: nullableString })),
      }),
    ),
    validateOnly: bool,
  }),
  response: struct({ throttleTimeMs: optional(int32, 0), responses: alteredResources }),
})
