// SaslHandshake (key 17): chooses how to log in.
import { defineApi } from '../api.ts'
import { array, int16, string, struct } from '../fields.ts'

/* After v0 the tokens of the login follow as bare frames, after v1 in SaslAuthenticate (KIP-152). */
export const saslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  minVersion: 0,
  maxVersion: 1,
  flexibleSince: 2,
  request: struct({ mechanism: string }),
  response: struct({ errorCode: int16, mechanisms: array(string) }),
})
