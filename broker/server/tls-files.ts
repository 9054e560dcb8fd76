// Loads the certificate of the TLS doors from its files, and again when they have changed.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { AppError, reasonOf } from '../../common/errors.ts'

export interface TlsPaths {
  /** PEM: the certificate, and those between it and its authority. */
  readonly certificate: string
  /** PEM, without a passphrase. */
  readonly key: string
  /** PEM: clients must show a certificate of this authority; empty to ask for none. */
  readonly clientAuthority: string
}

/** The settings that the paths come from. */
export type TlsSettings = Readonly<Record<keyof TlsPaths, string>>

/** Rejects with AppError CONFIG_INVALID that names the setting whose file cannot be used. */
export async function loadTls(
  paths: TlsPaths,
  settings: TlsSettings,
): Promise<SecureContextOptions> {
  const cert = await read(paths.certificate, settings.certificate)
  const key = await read(paths.key, settings.key)
  check(settings.certificate, { cert })
  check(settings.key, { cert, key })
  if (paths.clientAuthority === '') return { cert, key }
  const ca = await read(paths.clientAuthority, settings.clientAuthority)
  check(settings.clientAuthority, { ca })
  return { cert, key, ca }
}

/** Changes with each of the files; a file that is not there is part of it, too. */
export async function versionOfFiles(paths: readonly string[]): Promise<string> {
  const versions = paths
    .filter((path) => path !== '')
    .map(async (path) => {
      try {
        const { mtimeMs, size, ino } = await stat(path)
        return `${mtimeMs} ${size} ${ino}`
      } catch (error) {
        return reasonOf(error)
      }
    })
  return (await Promise.all(versions)).join('\n')
}

async function read(path: string, setting: string): Promise<Buffer> {
  if (path === '') throw invalid(setting, 'a door with TLS needs it')
  try {
    return await readFile(path)
  } catch (error) {
    throw invalid(setting, reasonOf(error), error)
  }
}

function check(setting: string, context: SecureContextOptions): void {
  try {
    createSecureContext(context)
    // OpenSSL passes over what is no certificate among authorities; this throws.
    assert(!Buffer.isBuffer(context.ca) || new X509Certificate(context.ca).ca, 'it is no authority')
  } catch (error) {
    throw invalid(setting, `its file is not usable: ${reasonOf(error)}`, error)
  }
}

function invalid(setting: string, reason: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', { setting, reason }, cause)
}
