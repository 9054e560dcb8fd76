// What the doors need to know who comes: users and certificates, read at start and when their files change.
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import type { Clock, Timer } from '../common/clock.ts'
import { securityFilesCheckMs } from '../common/door-limits.ts'
import type { Logger } from '../common/logger.ts'
import { Users } from './auth/users.ts'
import type { Listener } from './server/kafka-server.ts'
import { Certificate } from './server/certificate.ts'
import { versionOfFiles } from './server/tls-files.ts'
import { watchFiles } from './server/watch-files.ts'

/** Paths; empty or left out for none. */
export interface SecuritySettings {
  readonly kafkaTlsCertificate?: string
  readonly kafkaTlsKey?: string
  readonly kafkaTlsClientAuthority?: string
  readonly kafkaUsers?: string
  /** Kafka: connections.max.reauth.ms; 0 for ever. */
  readonly kafkaLoginLifetime?: number
}

interface Surroundings {
  readonly listeners: readonly Listener[]
  /** Where credentials are kept. */
  readonly directory: string
  readonly clock: Clock
  readonly logger: Logger
}

const tlsSettings = {
  certificate: '--kafka-tls-certificate',
  key: '--kafka-tls-key',
  clientAuthority: '--kafka-tls-client-authority',
} as const

interface Parts {
  readonly users: Users
  readonly usersFile: { readonly path: string; readonly version: string }
  readonly certificate: Certificate | undefined
}

export class Security {
  readonly users: Users
  readonly #parts: Parts
  readonly #clock: Clock

  private constructor(parts: Parts, clock: Clock) {
    this.users = parts.users
    this.#parts = parts
    this.#clock = clock
  }

  /** Rejects with AppError CONFIG_INVALID or STORAGE_FAILED. */
  static async open(settings: SecuritySettings, surroundings: Surroundings): Promise<Security> {
    const { listeners, directory, clock, logger } = surroundings
    const path = settings.kafkaUsers ?? ''
    const credentialFile = join(directory, 'scram-credentials.jsonl')
    const paths = {
      certificate: settings.kafkaTlsCertificate ?? '',
      key: settings.kafkaTlsKey ?? '',
      clientAuthority: settings.kafkaTlsClientAuthority ?? '',
    }
    const usesTls = listeners.some(({ protocol }) => protocol.endsWith('ssl'))
    const files = { paths, settings: tlsSettings }
    const usersFile = { path, version: await versionOfFiles([path]) }
    const certificate = usesTls ? await Certificate.open(files, { clock, logger }) : undefined
    const users = await Users.open({
      credentialFile,
      usersFile: path,
      logger: logger.child('users'),
    })
    return new Security({ users, usersFile, certificate }, clock)
  }

  /** As it was at start; undefined where no door needs it. */
  get tls(): SecureContextOptions | undefined {
    return this.#parts.certificate?.tls
  }

  /** Looks every few seconds whether a file has changed, until it is cancelled. */
  watch(useCertificate: (tls: SecureContextOptions) => void): Timer {
    const { usersFile, certificate } = this.#parts
    const files = { paths: [usersFile.path], version: usersFile.version }
    const every = { clock: this.#clock, everyMs: securityFilesCheckMs }
    const timers = [
      ...(usersFile.path === '' ? [] : [watchFiles(files, every, () => this.users.reload())]),
      ...(certificate === undefined ? [] : [certificate.watch(useCertificate)]),
    ]
    return {
      cancel: () => {
        for (const timer of timers) timer.cancel()
      },
    }
  }
}
