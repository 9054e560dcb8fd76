// How our own clients get into a Kafka cluster that is encrypted or wants a login.
import { readFile } from 'node:fs/promises'
import type { SecureContextOptions } from 'node:tls'
import type { Config } from './config.ts'
import { AppError, reasonOf } from './errors.ts'
import { readUsersFile } from './users-file.ts'

/** Neither of both for a plain door. */
export interface BrokerAccess {
  readonly tls?: TlsAccess
  readonly sasl?: {
    readonly mechanism: Config['brokersSaslMechanism']
    readonly username: string
    readonly password: string
  }
}

export interface TlsAccess {
  /** A PEM; without it the authorities that Node knows count. */
  readonly ca?: string
  /** What we show of ourselves, to brokers that ask for it. */
  readonly client?: ClientCertificate
}

/** PEMs; the key may be encrypted by the passphrase. */
export interface ClientCertificate {
  readonly certificate: string
  readonly privateKey: string
  readonly passphrase?: string
}

/** What node:tls takes of it. */
export function tlsOptions({ ca, client }: TlsAccess): SecureContextOptions {
  return {
    ...(ca === undefined ? {} : { ca: [ca] }),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
    ...(client?.passphrase === undefined ? {} : { passphrase: client.passphrase }),
  }
}

type AccessConfig = Pick<
  Config,
  'brokersSecurity' | 'brokersTlsAuthority' | 'brokersUser' | 'brokersSaslMechanism'
>

/** Rejects with AppError CONFIG_INVALID. */
export async function loadBrokerAccess(config: AccessConfig): Promise<BrokerAccess> {
  const { brokersSecurity, brokersTlsAuthority: authority } = config
  const usesTls = brokersSecurity.endsWith('ssl')
  const ca = usesTls && authority !== '' ? { ca: await readAuthority(authority) } : {}
  return {
    ...(usesTls ? { tls: ca } : {}),
    ...(brokersSecurity.startsWith('sasl') ? { sasl: await readLogin(config) } : {}),
  }
}

async function readLogin(config: AccessConfig): Promise<NonNullable<BrokerAccess['sasl']>> {
  const setting = '--brokers-user'
  const { passwords } = await readUsersFile(config.brokersUser, setting)
  const [login, ...rest] = passwords
  if (login === undefined || rest.length > 0) {
    const reason = `${config.brokersUser} must have one line name:password`
    throw new AppError('CONFIG_INVALID', { setting, reason })
  }
  const [username, password] = login
  return { mechanism: config.brokersSaslMechanism, username, password }
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const details = { setting: '--brokers-tls-authority', reason: reasonOf(error) }
    throw new AppError('CONFIG_INVALID', details, error)
  }
}
