// What the doors need to know who comes: users and certificates, read at start and when their files change.
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import type { Clock, Timer } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { securityFilesCheckMs } from '../common/door-limits.ts'
import type { Logger } from '../common/logger.ts'
import { Users } from './auth/users.ts'
import type { Listener } from './server/kafka-server.ts'
import { loadTls, versionOfFiles, type TlsPaths } from './server/tls-files.ts'

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

/** Those that are in use. */
interface Files {
  readonly users: string
  readonly tls: TlsPaths | undefined
}

interface Versions {
  readonly users: string
  readonly tls: string
}

interface Parts {
  readonly users: Users
  readonly tls: SecureContextOptions | undefined
  readonly files: Files
  /** As the files were before they were read. */
  readonly versions: Versions
}

export class Security {
  readonly users: Users
  readonly tls: SecureContextOptions | undefined
  readonly #files: Files
  readonly #surroundings: Surroundings
  #versions: Versions

  private constructor(parts: Parts, surroundings: Surroundings) {
    this.users = parts.users
    this.tls = parts.tls
    this.#files = parts.files
    this.#versions = parts.versions
    this.#surroundings = surroundings
  }

  /** Rejects with AppError CONFIG_INVALID or STORAGE_FAILED. */
  static async open(settings: SecuritySettings, surroundings: Surroundings): Promise<Security> {
    const { listeners, directory, logger } = surroundings
    const usersFile = settings.kafkaUsers ?? ''
    const credentialFile = join(directory, 'scram-credentials.jsonl')
    const paths = {
      certificate: settings.kafkaTlsCertificate ?? '',
      key: settings.kafkaTlsKey ?? '',
      clientAuthority: settings.kafkaTlsClientAuthority ?? '',
    }
    const usesTls = listeners.some(({ protocol }) => protocol.endsWith('ssl'))
    const files = { users: usersFile, tls: usesTls ? paths : undefined }
    const versions = await versionsOf(files)
    const tls = usesTls ? await loadTls(paths) : undefined
    const users = await Users.open({ credentialFile, usersFile, logger: logger.child('users') })
    return new Security({ users, tls, files, versions }, surroundings)
  }

  /** Looks every few seconds whether a file has changed, until it is cancelled. */
  watch(useCertificate: (tls: SecureContextOptions) => void): Timer {
    const { clock } = this.#surroundings
    const { users, tls } = this.#files
    if (users === '' && tls === undefined) return { cancel: () => {} }
    let isOver = false
    const look = async (): Promise<void> => {
      await this.#reload(useCertificate)
      if (!isOver) timer = clock.after(securityFilesCheckMs, () => void look())
    }
    let timer = clock.after(securityFilesCheckMs, () => void look())
    return {
      cancel() {
        isOver = true
        timer.cancel()
      },
    }
  }

  async #reload(useCertificate: (tls: SecureContextOptions) => void): Promise<void> {
    const before = this.#versions
    const paths = this.#files.tls
    this.#versions = await versionsOf(this.#files)
    if (this.#versions.users !== before.users) await this.users.reload()
    if (this.#versions.tls === before.tls || paths === undefined) return
    const { logger } = this.#surroundings
    try {
      useCertificate(await loadTls(paths))
      logger.info('certificate read again', { file: paths.certificate })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      logger.error('certificate not read again', { reason: reasonOf(error) })
    }
  }
}

async function versionsOf({ users, tls }: Files): Promise<Versions> {
  const { certificate, key, clientAuthority } = tls ?? noTls
  return {
    users: await versionOfFiles([users]),
    tls: await versionOfFiles([certificate, key, clientAuthority]),
  }
}

const noTls: TlsPaths = { certificate: '', key: '', clientAuthority: '' }
