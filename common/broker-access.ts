// How our own clients get into a Kafka cluster that is encrypted or wants a login.
import { readFile } from 'node:fs/promises'
import type { Config } from './config.ts'
import { AppError, reasonOf } from './errors.ts'
import { readUsersFile } from './users-file.ts'

/** Neither of both for a plain door. */
export interface BrokerAccess {
  /** `ca` is a PEM; without it the authorities that Node knows count. */
  readonly tls?: { readonly ca?: string }
  readonly sasl?: {
    readonly mechanism: Config['brokersSaslMechanism']
    readonly username: string
    readonly password: string
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
