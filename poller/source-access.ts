// Turns a mapping's SourceAccessConfigurations into what gets a client into its cluster, secrets and all.
import { createSecureContext } from 'node:tls'
import {
  tlsOptions,
  type BrokerAccess,
  type ClientCertificate,
  type TlsAccess,
} from '../common/broker-access.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import type { ClusterServers } from '../common/kafka-clusters.ts'
import { readSecret, secretMember, type SecretsOptions } from '../common/secrets.ts'
import type { SourceAccess } from '../control/registry/registry.ts'

type Mechanism = NonNullable<BrokerAccess['sasl']>['mechanism']

const mechanisms: Readonly<Record<string, Mechanism>> = {
  BASIC_AUTH: 'plain',
  SASL_SCRAM_256_AUTH: 'scram-sha-256',
  SASL_SCRAM_512_AUTH: 'scram-sha-512',
}

/** Whether any of it is more than the network that AWS would reach the cluster from. */
export function isSecured(access: readonly SourceAccess[] | undefined): boolean {
  return access?.some(({ type }) => !type.startsWith('VPC_')) === true
}

/** Which door of a cluster it leads to. */
export function wayIn(access: readonly SourceAccess[] = []): keyof ClusterServers {
  if (access.some(({ type }) => mechanisms[type] !== undefined)) return 'saslScram'
  return isSecured(access) ? 'tls' : 'plaintext'
}

/**
 * As on AWS, whoever shows who they are does so over TLS; here the secret of a login may say
 * `"tls": false`, for doors without it. Rejects with AppError SECRET_UNREADABLE or CERTIFICATE_INVALID,
 * and neither tells what is in a secret.
 */
export async function resolveAccess(
  configurations: readonly SourceAccess[],
  secrets: SecretsOptions,
): Promise<BrokerAccess> {
  const uriOf = (wanted: string): string | undefined =>
    configurations.find(({ type }) => type === wanted)?.uri
  const [authority, certificate] = [
    uriOf('SERVER_ROOT_CA_CERTIFICATE'),
    uriOf('CLIENT_CERTIFICATE_TLS_AUTH'),
  ]
  const login = await loginOf(configurations, secrets)
  const tls = {
    ...(authority === undefined ? {} : { ca: await authorityOf(authority, secrets) }),
    ...(certificate === undefined ? {} : { client: await certificateOf(certificate, secrets) }),
  }
  return {
    ...(login?.isPlain === true ? {} : { tls }),
    ...(login === undefined ? {} : { sasl: login.sasl }),
  }
}

async function loginOf(
  configurations: readonly SourceAccess[],
  secrets: SecretsOptions,
): Promise<{ sasl: NonNullable<BrokerAccess['sasl']>; isPlain: boolean } | undefined> {
  for (const { type, uri } of configurations) {
    const mechanism = mechanisms[type]
    if (mechanism === undefined) continue
    const secret = await readSecret(uri, secrets)
    const username = secretMember(uri, secret, 'username')
    const password = secretMember(uri, secret, 'password')
    return { sasl: { mechanism, username, password }, isPlain: secret['tls'] === false }
  }
  return undefined
}

async function authorityOf(uri: string, secrets: SecretsOptions): Promise<string> {
  const ca = secretMember(uri, await readSecret(uri, secrets), 'certificate')
  check(uri, { ca })
  return ca
}

async function certificateOf(uri: string, secrets: SecretsOptions): Promise<ClientCertificate> {
  const secret = await readSecret(uri, secrets)
  const passphrase = secret['privateKeyPassword']
  const client = {
    certificate: secretMember(uri, secret, 'certificate'),
    privateKey: secretMember(uri, secret, 'privateKey'),
    ...(typeof passphrase === 'string' ? { passphrase } : {}),
  }
  check(uri, { client })
  return client
}

/** OpenSSL's reasons name what it looked for, and nothing of what it found. */
function check(secret: string, tls: TlsAccess): void {
  try {
    createSecureContext(tlsOptions(tls))
  } catch (error) {
    throw new AppError('CERTIFICATE_INVALID', { secret, reason: reasonOf(error) }, error)
  }
}
