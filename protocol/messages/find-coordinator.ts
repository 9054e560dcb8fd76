// FindCoordinator (key 10): which broker looks after a group or a transactional id.
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int8,
  nullableString,
  since,
  string,
  struct,
  until,
  versions,
} from '../fields.ts'

/*
 * Up to version 3 one key and one answer, from version 4 on a list of each (KIP-699). v1: key type,
 * 0 for a group and 1 for a transaction. v3: flexible. v5: TRANSACTION_ABORTABLE. v6: share groups.
 */
export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 6,
  flexibleSince: 3,
  request: struct({
    key: until(3, string, ''),
    keyType: since(1, int8, 0),
    coordinatorKeys: since(4, array(string), []),
  }),
  response: struct({
    throttleTimeMs: since(1, int32, 0),
    errorCode: until(3, int16, 0),
    errorMessage: versions([1, 3], nullableString, null),
    nodeId: until(3, int32, 0),
    host: until(3, string, ''),
    port: until(3, int32, 0),
    coordinators: since(
      4,
      array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: nullableString,
        }),
      ),
      [],
    ),
  }),
})
