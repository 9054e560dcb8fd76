// SaslAuthenticate (key 36): carries one token of a login, either way.
import { defineApi } from '../api.ts'
import { bytes, int16, int64, nullableString, since, struct } from '../fields.ts'

/* v1: how long the login holds, 0 for ever (KIP-368). v2: flexible. */
export const saslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 2,
  request: struct({ authBytes: bytes }),
  response: struct({
    errorCode: int16,
    errorMessage: nullableString,
    authBytes: bytes,
    sessionLifetimeMs: since(1, int64, 0),
  }),
})
