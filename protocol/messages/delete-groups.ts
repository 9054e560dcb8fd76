// DeleteGroups (key 42): removes consumer groups with their offsets.
import { defineApi } from '../api.ts'
import { array, int16, int32, string, struct } from '../fields.ts'

/* v1: the same as v0. v2: flexible. */
export const deleteGroups = defineApi({
  key: 42,
  name: 'DeleteGroups',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 2,
  request: struct({ groupsNames: array(string) }),
  response: struct({
    throttleTimeMs: int32,
    results: array(struct({ groupId: string, errorCode: int16 })),
  }),
})
