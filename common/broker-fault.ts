// Tells why a cluster does not let us in, by the error of whichever client tried, in Lambda's words.
import { AppError, systemCode } from './errors.ts'

/** What Lambda calls it, as LastProcessingResult has it and as StateTransitionReason has it. */
export const brokerFaults = {
  login: { text: 'SASL authentication failed', reason: 'EVENT_SOURCE_AUTHN_ERROR' },
  client: { text: 'Server failed to authenticate Lambda', reason: 'EVENT_SOURCE_AUTHN_ERROR' },
  server: { text: 'Lambda failed to authenticate server', reason: 'EVENT_SOURCE_AUTHN_ERROR' },
  permission: { text: 'Cluster failed to authorize Lambda', reason: 'EVENT_SOURCE_AUTHZ_ERROR' },
  certificate: {
    text: 'Provided certificate or private key is invalid',
    reason: 'ESM_CONFIG_NOT_VALID',
  },
  /** AWS publishes no text for a secret that is not there. */
  secret: { text: undefined, reason: 'ESM_CONFIG_NOT_VALID' },
} as const satisfies Record<string, { text: string | undefined; reason: string }>

export type BrokerFault = keyof typeof brokerFaults

/** Undefined for what has nothing to do with who we are, such as a broker that is away. */
export function brokerFault(thrown: unknown): BrokerFault | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    const fault = faultOf(error)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultOf(error: Error): BrokerFault | undefined {
  if (error instanceof AppError) {
    if (error.code === 'CERTIFICATE_INVALID') return 'certificate'
    if (error.code === 'SECRET_UNREADABLE') return 'secret'
  }
  // kafkajs calls a refused login by its class, and what brokers answer by Kafka's name of the code.
  if (error.name === 'KafkaJSSASLAuthenticationError') return 'login'
  if ('type' in error && typeof error.type === 'string') {
    if (loginRefusals.has(error.type)) return 'login'
    if (error.type.endsWith('_AUTHORIZATION_FAILED')) return 'permission'
  }
  const code = systemCode(error) ?? ''
  if (untrusted.has(code) || code.startsWith('ERR_TLS_CERT_')) return 'server'
  return /^ERR_SSL_\w*ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/.test(code)
    ? 'client'
    : undefined
}

const loginRefusals = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
])

/** Node's codes for a certificate that no known authority stands for. */
const untrusted = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'INVALID_CA',
  'HOSTNAME_MISMATCH',
])
