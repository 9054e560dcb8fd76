// DescribeLogDirs (key 35): where partitions lie on disk, and how large they are.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int64,
  nullableArray,
  optional,
  since,
  string,
  struct,
} from '../fields.ts'

/* v2: flexible. v3: an error of the whole. v4: the disk's size (KIP-827). Version 0 went with Kafka 4. */
export const describeLogDirs = defineApi({
  key: 35,
  name: 'DescribeLogDirs',
  minVersion: 1,
  maxVersion: 4,
  flexibleSince: 2,
  request: struct({
    /** Null asks for all. */
    topics: nullableArray(struct({ topic: string, partitions: array(int32) })),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: since(3, int16, 0),
    results: array(
      struct({
        errorCode: int16,
        logDir: string,
        topics: array(
          struct({
            name: string,
            partitions: array(
              struct({
                partitionIndex: int32,
                partitionSize: int64,
                /** What the log's end is ahead of the high watermark. */
                offsetLag: int64,
                isFutureKey: bool,
              }),
            ),
          }),
        ),
        totalBytes: since(4, int64, -1),
        usableBytes: since(4, int64, -1),
      }),
    ),
  }),
})
