// AlterConfigs (key 33): replaces all that topics or brokers are configured with.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int8,
  nullableString,
  optional,
  string,
  struct,
} from '../fields.ts'

/** Per resource, for both ways of altering. */
export const alteredResources = array(
  struct({
    errorCode: int16,
    errorMessage: nullableString,
    resourceType: int8,
    resourceName: string,
  }),
)

/* Whatever is not named goes back to its default (IncrementalAlterConfigs does not). v2: flexible. */
export const alterConfigs = defineApi({
  key: 33,
  name: 'AlterConfigs',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 2,
  request: struct({
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        configs: array(struct({ name: string, value: nullableString })),
      }),
    ),
    validateOnly: bool,
  }),
  response: struct({ throttleTimeMs: optional(int32, 0), responses: alteredResources }),
})
