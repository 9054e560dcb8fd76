// DescribeUserScramCredentials (key 50): who can log in with SCRAM, and how (KIP-554).
import { defineApi } from '../api.ts'
import {
  array,
  int16,
  int32,
  int8,
  nullableArray,
  nullableString,
  string,
  struct,
} from '../fields.ts'

/* Null or no users ask for all. Mechanism 1 is SCRAM-SHA-256, 2 is SCRAM-SHA-512. */
export const describeUserScramCredentials = defineApi({
  key: 50,
  name: 'DescribeUserScramCredentials',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({ users: nullableArray(struct({ name: string })) }),
  response: struct({
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullableString,
    results: array(
      struct({
        user: string,
        errorCode: int16,
        errorMessage: nullableString,
        credentialInfos: array(struct({ mechanism: int8, iterations: int32 })),
      }),
    ),
  }),
})
