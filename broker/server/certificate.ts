// The certificate of a door with TLS: read at start, and again when its files change.
import type { SecureContextOptions } from 'node:tls'
import type { Clock, Timer } from '../../common/clock.ts'
import { securityFilesCheckMs } from '../../common/door-limits.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import { loadTls, versionOfFiles, type TlsPaths, type TlsSettings } from './tls-files.ts'
import { watchFiles } from './watch-files.ts'

export interface CertificateFiles {
  readonly paths: TlsPaths
  /** What errors call them. */
  readonly settings: TlsSettings
}

interface Surroundings {
  readonly clock: Clock
  readonly logger: Logger
}

export class Certificate {
  /** As it was at start. */
  readonly tls: SecureContextOptions
  readonly #files: CertificateFiles
  readonly #version: string
  readonly #surroundings: Surroundings

  private constructor(
    read: { tls: SecureContextOptions; version: string },
    files: CertificateFiles,
    surroundings: Surroundings,
  ) {
    this.tls = read.tls
    this.#version = read.version
    this.#files = files
    this.#surroundings = surroundings
  }

  /** Rejects with AppError CONFIG_INVALID. */
  static async open(files: CertificateFiles, surroundings: Surroundings): Promise<Certificate> {
    // Before they are read: a change between the two is read again.
    const version = await versionOfFiles(Object.values(files.paths))
    const tls = await loadTls(files.paths, files.settings)
    return new Certificate({ tls, version }, files, surroundings)
  }

  /** Hands on each change that can be used, until it is cancelled; one that cannot be is told and passed over. */
  watch(use: (tls: SecureContextOptions) => void): Timer {
    const { clock, logger } = this.#surroundings
    const { paths, settings } = this.#files
    const reload = async (): Promise<void> => {
      try {
        use(await loadTls(paths, settings))
        logger.info('certificate read again', { file: paths.certificate })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        logger.error('certificate not read again', { reason: reasonOf(error) })
      }
    }
    const files = { paths: Object.values(paths), version: this.#version }
    return watchFiles(files, { clock, everyMs: securityFilesCheckMs }, reload)
  }
}
