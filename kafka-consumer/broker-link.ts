// A connection that is ready for use: versions are agreed on, and the login is done.
import type { Clock } from '../common/clock.ts'
import { loginLifeShare } from '../common/consumer-limits.ts'
import { AppError } from '../common/errors.ts'
import type { ApiName, RequestToSend } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { parseResponse } from '../protocol/request.ts'
import { errorName, refused } from './answer-errors.ts'
import { chooseVersion, spokenVersions, type SpokenVersions } from './api-choice.ts'
import { Connection, type Answer, type ConnectionOptions } from './connection.ts'
import { ScramLogin } from './scram-login.ts'

const software = { clientSoftwareName: 'millrace', clientSoftwareVersion: '0.1.0' }
const apiVersionsNewest = 3

export class BrokerLink {
  readonly #connection: Connection
  readonly #spoken: SpokenVersions
  readonly #clock: Clock
  #expiresMs = Infinity
  #usedMs: number

  private constructor(connection: Connection, spoken: SpokenVersions, clock: Clock) {
    this.#connection = connection
    this.#spoken = spoken
    this.#clock = clock
    this.#usedMs = clock.now()
  }

  /** Rejects with AppError BROKER_UNREACHABLE, BROKER_REFUSED or BROKER_ANSWER_INVALID. */
  static async open(options: ConnectionOptions): Promise<BrokerLink> {
    const connection = await Connection.open(options)
    try {
      const link = new BrokerLink(connection, await askVersions(connection), options.clock)
      if (options.access?.sasl !== undefined) await link.#logIn(options.access.sasl)
      return link
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get address(): string {
    return this.#connection.address
  }

  /** False once it is closed, or its login nears its end: then open another. */
  get isGood(): boolean {
    return this.#connection.isOpen && this.#clock.now() < this.#expiresMs
  }

  get isBusy(): boolean {
    return this.#connection.isBusy
  }

  /** When it was last asked for something. */
  get usedMs(): number {
    return this.#usedMs
  }

  /** The version that `ask` will use; undefined where there is none. */
  version(api: ApiName, most?: number): number | undefined {
    return chooseVersion(this.#spoken, api, most)
  }

  /** Rejects with AppError BROKER_REFUSED where no version is spoken on both sides, else as Connection. */
  ask<Name extends ApiName>(
    api: Name,
    body: RequestToSend<Name>,
    options: { readonly maxMs?: number; readonly versionMost?: number } = {},
  ): Promise<Answer<Name>> {
    const version = this.version(api, options.versionMost)
    if (version === undefined) {
      const text = 'no version of it is spoken on both sides'
      return Promise.reject(refused(this.address, api, 'UNSUPPORTED_VERSION', text))
    }
    this.#usedMs = this.#clock.now()
    return this.#connection.ask(api, version, body, options.maxMs)
  }

  close(): void {
    this.#connection.close()
  }

  async #logIn(sasl: Sasl): Promise<void> {
    const mechanism = sasl.mechanism.toUpperCase()
    const { body } = await this.ask('SaslHandshake', { mechanism })
    if (body.errorCode !== errorCodes.NONE) {
      const text = `${mechanism} is not among ${body.mechanisms.join(', ')}`
      throw refused(this.address, 'the login', errorName(body.errorCode), text)
    }
    const startedMs = this.#clock.now()
    const lifetimeMs = await this.#authenticate(sasl)
    if (lifetimeMs > 0) this.#expiresMs = startedMs + lifetimeMs * loginLifeShare
  }

  /** Returns how long the login holds; 0 for ever. */
  async #authenticate({ mechanism, username, password }: Sasl): Promise<number> {
    if (mechanism === 'plain') {
      return (await this.#token(Buffer.from(`\0${username}\0${password}`))).lifetimeMs
    }
    const hash = mechanism.endsWith('256') ? 'sha256' : 'sha512'
    const login = new ScramLogin({ hash, username, password })
    const final = await login.final((await this.#token(login.first())).bytes)
    if (final === undefined) throw this.#wrongAnswer('it is no answer of SCRAM to ours')
    const { bytes, lifetimeMs } = await this.#token(final)
    if (!login.isServerRight(bytes)) throw this.#wrongAnswer('it does not know the password')
    return lifetimeMs
  }

  async #token(authBytes: Buffer): Promise<{ bytes: Buffer; lifetimeMs: number }> {
    const { body } = await this.ask('SaslAuthenticate', { authBytes })
    if (body.errorCode !== errorCodes.NONE) {
      throw refused(this.address, 'the login', errorName(body.errorCode), body.errorMessage)
    }
    return { bytes: body.authBytes, lifetimeMs: body.sessionLifetimeMs }
  }

  #wrongAnswer(reason: string): AppError {
    const details = { brokers: this.address, request: 'the login', reason }
    return new AppError('BROKER_ANSWER_INVALID', details)
  }
}

type Sasl = NonNullable<NonNullable<ConnectionOptions['access']>['sasl']>

/** KIP-511: a broker that does not know the version answers in version 0, and so is asked again. */
async function askVersions(connection: Connection): Promise<SpokenVersions> {
  const frame = await connection.askForFrame('ApiVersions', apiVersionsNewest, software)
  const isTooNew = frame.length >= 6 && frame.readInt16BE(4) === errorCodes.UNSUPPORTED_VERSION
  if (isTooNew) {
    const { body } = await connection.ask('ApiVersions', 0, {})
    if (body.errorCode === errorCodes.NONE) return spokenVersions(body)
    throw refused(connection.address, 'ApiVersions', errorName(body.errorCode))
  }
  const response = parseResponse('ApiVersions', apiVersionsNewest, frame)
  if (!response.ok) {
    const details = { brokers: connection.address, request: 'ApiVersions', reason: response.reason }
    throw new AppError('BROKER_ANSWER_INVALID', details)
  }
  const { errorCode } = response.body
  if (errorCode === errorCodes.NONE) return spokenVersions(response.body)
  throw refused(connection.address, 'ApiVersions', errorName(errorCode))
}
