// DeleteRecords (key 21): moves the start of partitions up, so that what lies below is gone.
import { defineApi } from '../api.ts'
import { array, int16, int32, int64, optional, string, struct } from '../fields.ts'

/* v1: answers before throttling. v2: flexible. */
export const deleteRecords = defineApi({
  key: 21,
  name: 'DeleteRecords',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 2,
  request: struct({
    topics: array(
      struct({
        name: string,
        /** Up to `offset`, exclusive; -1 stands for the high watermark. */
        partitions: array(struct({ partitionIndex: int32, offset: int64 })),
      }),
    ),
    timeoutMs: int32,
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 })),
      }),
    ),
  }),
})
