// AlterUserScramCredentials (key 51): gives users SCRAM credentials and takes them away (KIP-554).
import { defineApi } from '../api.ts'
import { array, bytes, int16, int32, int8, nullableString, string, struct } from '../fields.ts'

/* The password is salted by whoever sends it, and never on the wire. */
export const alterUserScramCredentials = defineApi({
  key: 51,
  name: 'AlterUserScramCredentials',
  minVersion: 0,
  maxVersion: 0,
  flexibleSince: 0,
  request: struct({
    deletions: array(struct({ name: string, mechanism: int8 })),
    upsertions: array(
      struct({
        name: string,
        mechanism: int8,
        iterations: int32,
        salt: bytes,
        saltedPassword: bytes,
      }),
    ),
  }),
  response: struct({
    throttleTimeMs: int32,
    results: array(struct({ user: string, errorCode: int16, errorMessage: nullableString })),
  }),
})
