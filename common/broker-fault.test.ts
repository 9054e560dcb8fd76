// Tests which errors of clients mean that a cluster does not let us in, and what AWS calls them.
import { expect, test } from 'vitest'
import { brokerFault, brokerFaults } from './broker-fault.ts'
import { AppError } from './errors.ts'

const withFields = (fields: object, message = 'x'): Error =>
  Object.assign(new Error(message), fields)

test.each([
  [withFields({ name: 'KafkaJSSASLAuthenticationError' }), 'login'],
  [withFields({ type: 'SASL_AUTHENTICATION_FAILED' }), 'login'],
  [withFields({ type: 'UNSUPPORTED_SASL_MECHANISM' }), 'login'],
  [withFields({ type: 'TOPIC_AUTHORIZATION_FAILED' }), 'permission'],
  [withFields({ type: 'GROUP_AUTHORIZATION_FAILED' }), 'permission'],
  [withFields({ type: 'CLUSTER_AUTHORIZATION_FAILED' }), 'permission'],
  [withFields({ code: 'SELF_SIGNED_CERT_IN_CHAIN' }), 'server'],
  [withFields({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'server'],
  [withFields({ code: 'CERT_HAS_EXPIRED' }), 'server'],
  [withFields({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'server'],
  [withFields({ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }), 'client'],
  [withFields({ code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' }), 'client'],
  [withFields({ code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' }), 'client'],
  [withFields({ code: 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN' }), 'client'],
  [new AppError('CERTIFICATE_INVALID', { secret: 's', reason: 'r' }), 'certificate'],
  [new AppError('SECRET_UNREADABLE', { secret: 's', reason: 'r' }), 'secret'],
  [withFields({ code: 'ECONNREFUSED' }), undefined],
  [withFields({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' }), undefined],
  [withFields({ type: 'UNKNOWN_TOPIC_OR_PARTITION' }), undefined],
  [new AppError('BROKER_UNREACHABLE', { brokers: 'b', reason: 'r' }), undefined],
  ['a text', undefined],
])('%# is a fault of the kind %s', (error, fault) => {
  expect(brokerFault(error)).toBe(fault)
  if (error instanceof Error) {
    expect(brokerFault(new Error('outer', { cause: new Error('middle', { cause: error }) }))).toBe(
      fault,
    )
  }
})

test('every fault has one of the reasons that AWS documents', () => {
  const reasons = ['ESM_CONFIG_NOT_VALID', 'EVENT_SOURCE_AUTHN_ERROR', 'EVENT_SOURCE_AUTHZ_ERROR']
  for (const { reason } of Object.values(brokerFaults)) expect(reasons).toContain(reason)
})
