// SaslHandshake (key 17, versions 0 and 1) and SaslAuthenticate (key 36, versions 0 to 2) where no login is due.
//
// A door that wants a login answers them itself, before a request comes here: `broker/server/login-gate.ts`. So these
// are asked by a client that has logged in already, or at a door without logins: ILLEGAL_SASL_STATE, as in Kafka.
import type { Handler } from './broker-context.ts'

export const saslHandshake: Handler<'SaslHandshake'> = (_broker, _request, call) => ({
  errorCode: call.code('ILLEGAL_SASL_STATE'),
  mechanisms: [],
})

export const saslAuthenticate: Handler<'SaslAuthenticate'> = (_broker, _request, call) => ({
  errorCode: call.code('ILLEGAL_SASL_STATE'),
  errorMessage: 'There is no login here, or it is over.',
  authBytes: Buffer.alloc(0),
})
