// Everyone who may log in: users of the operator's file, and those that admins make over the wire.
import { createHmac, randomBytes } from 'node:crypto'
import { AppError, reasonOf } from '../../common/errors.ts'
import { scramIterationsMin } from '../../common/door-limits.ts'
import type { Logger } from '../../common/logger.ts'
import { readUsersFile } from '../../common/users-file.ts'
import { readCredentials, writeCredentials, type Credentials } from './credential-file.ts'
import { PasswordChecks } from './password-checks.ts'
import {
  absentCredential,
  isSameKey,
  newSalt,
  scramMechanismNames,
  type ScramCredential,
  type ScramMechanism,
} from './scram.ts'

export interface UsersOptions {
  /** Where credentials that came over the wire are kept. */
  readonly credentialFile: string
  /** The operator's; empty for none. */
  readonly usersFile: string
  readonly logger: Logger
}

/** A credential to add or, with null, to take away. */
export interface CredentialChange {
  readonly user: string
  readonly mechanism: ScramMechanism
  readonly credential: ScramCredential | null
}

type OfUser = ReadonlyMap<ScramMechanism, ScramCredential>

/**
 * No password is kept, only what SCRAM keeps of it; PLAIN is checked against the same. A user of the file
 * cannot be changed over the wire, so that one name has one truth.
 */
export class Users {
  readonly #options: UsersOptions
  readonly #checks = new PasswordChecks()
  #kept: Credentials = new Map()
  #ofFile: Credentials = new Map()
  /** A keyed digest of each password of the file: tells which ones a new file has changed. */
  #digests = new Map<string, string>()
  readonly #digestKey = randomBytes(32)
  #lastChange: Promise<unknown> = Promise.resolve()

  private constructor(options: UsersOptions) {
    this.#options = options
  }

  /** Rejects with AppError STORAGE_FAILED, or CONFIG_INVALID for the operator's file. */
  static async open(options: UsersOptions): Promise<Users> {
    const users = new Users(options)
    users.#kept = await readCredentials(options.credentialFile)
    await users.readFile()
    return users
  }

  /** Reads the operator's file anew; rejects with AppError CONFIG_INVALID, and then all is as before. */
  async readFile(): Promise<void> {
    const { usersFile, logger } = this.#options
    if (usersFile === '') return
    const { passwords, isOpenToOthers } = await readUsersFile(usersFile, '--kafka-users')
    if (isOpenToOthers) logger.warn('others can read the file of users', { file: usersFile })
    const digests = new Map<string, string>()
    const ofFile = new Map<string, OfUser>()
    for (const [user, password] of passwords) {
      const digest = createHmac('sha256', this.#digestKey).update(password).digest('base64')
      digests.set(user, digest)
      const known = this.#digests.get(user) === digest ? this.#ofFile.get(user) : undefined
      ofFile.set(user, known ?? (await this.#credentialsOf(password)))
    }
    this.#digests = digests
    this.#ofFile = ofFile
    logger.info('users read', { file: usersFile, users: ofFile.size })
  }

  credential(user: string, mechanism: ScramMechanism): ScramCredential | undefined {
    return this.#ofUser(user)?.get(mechanism)
  }

  /** Every name, with what it can log in with. */
  all(): Credentials {
    return new Map([...this.#kept, ...this.#ofFile])
  }

  get count(): number {
    return this.#kept.size + this.#ofFile.size
  }

  has(user: string): boolean {
    return this.#ofUser(user) !== undefined
  }

  isOfFile(user: string): boolean {
    return this.#ofFile.has(user)
  }

  /** Takes as long for a name that is not there. Undefined where too many passwords wait already. */
  async verify(user: string, password: string): Promise<boolean | undefined> {
    const ofUser = this.#ofUser(user)
    const mechanism = scramMechanismNames.find((name) => ofUser?.has(name)) ?? 'SCRAM-SHA-256'
    const credential = ofUser?.get(mechanism) ?? absentCredential(mechanism, user)
    const salted = await this.#checks.salt(mechanism, password, credential)
    return salted && isSameKey(salted.storedKey, credential.storedKey)
  }

  /** Durable when it resolves; rejects with AppError STORAGE_FAILED, and then nothing has changed. */
  change(changes: readonly CredentialChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    const changed = this.#lastChange.then(async () => {
      const kept = new Map(this.#kept)
      for (const { user, mechanism, credential } of changes) {
        const ofUser = new Map(kept.get(user))
        if (credential === null) ofUser.delete(mechanism)
        else ofUser.set(mechanism, credential)
        if (ofUser.size === 0) kept.delete(user)
        else kept.set(user, ofUser)
      }
      await writeCredentials(this.#options.credentialFile, kept)
      this.#kept = kept
    })
    this.#lastChange = changed.catch(() => {})
    return changed
  }

  /** Called when the operator's file has changed: what is wrong with it is logged, and logins go on. */
  async reload(): Promise<void> {
    try {
      await this.readFile()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.#options.logger.error('users not read', { reason: reasonOf(error) })
    }
  }

  #ofUser(user: string): OfUser | undefined {
    return this.#ofFile.get(user) ?? this.#kept.get(user)
  }

  async #credentialsOf(password: string): Promise<OfUser> {
    const ofUser = new Map<ScramMechanism, ScramCredential>()
    for (const mechanism of scramMechanismNames) {
      const how = { salt: newSalt(), iterations: scramIterationsMin }
      const credential = await this.#checks.salt(mechanism, password, how)
      if (credential !== undefined) ofUser.set(mechanism, credential)
    }
    return ofUser
  }
}
