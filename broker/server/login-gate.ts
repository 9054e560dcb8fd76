// Lets nothing but a login pass, on a door that wants one, and holds whoever is in to the time of its login.
import { sleep, type Clock } from '../../common/clock.ts'
import { failedLoginDelayMs } from '../../common/door-limits.ts'
import type { Logger } from '../../common/logger.ts'
import type { ResponseOf } from '../../protocol/apis.ts'
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import { encodeResponse, parseRequest, type KafkaRequest } from '../../protocol/request.ts'
import type { Reply } from '../api/handlers.ts'
import {
  isSaslMechanism,
  saslMechanisms,
  startExchange,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from '../auth/sasl.ts'
import type { Users } from '../auth/users.ts'
import type { ServerCounters } from './server-counters.ts'

export interface LoginGateOptions {
  readonly users: Users
  /** How long a login holds (Kafka: connections.max.reauth.ms); 0 for ever. */
  readonly loginLifetimeMs: number
  readonly client: string
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: ServerCounters
  /** Called at the first login. */
  readonly onLogin: () => void
}

interface Login {
  readonly user: string
  readonly mechanism: SaslMechanism
  readonly untilMs: number
}

interface Attempt {
  readonly mechanism: SaslMechanism
  readonly exchange: SaslExchange
  /** After SaslHandshake 0 tokens come and go as bare frames (KIP-152 is of version 1). */
  readonly isBare: boolean
}

/**
 * One connection's. ApiVersions, SaslHandshake and SaslAuthenticate are answered, one after the other; any
 * other request before the login ends the connection, as does a login that fails. A login that does not
 * hold for ever may be renewed by the same user in the same way (KIP-368).
 *
 * ```
 * outside ──SaslHandshake──▶ attempt ──last token──▶ inside ──SaslHandshake──▶ attempt …
 * ```
 */
export class LoginGate {
  readonly #options: LoginGateOptions
  #attempt: Attempt | undefined
  #login: Login | undefined
  #last: Promise<unknown> = Promise.resolve()
  #queued = 0

  constructor(options: LoginGateOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#login !== undefined
  }

  /** `pass` answers the frame behind the door; it is called in the order of the frames. */
  answer(frame: Buffer, pass: () => Promise<Reply>): Promise<Reply> {
    const isInside = this.#login !== undefined && this.#attempt === undefined
    if (isInside && this.#queued === 0 && !isHandshake(frame)) return this.#passOn(pass)
    this.#queued += 1
    const turn = this.#last.then(() => this.#take(frame, pass))
    this.#last = turn.catch(() => {}).finally(() => (this.#queued -= 1))
    return turn
  }

  #take(frame: Buffer, pass: () => Promise<Reply>): Promise<Reply> {
    if (this.#attempt?.isBare === true) return this.#bareToken(this.#attempt, frame)
    const request = parseRequest(frame)
    if (!request.ok) {
      // A version of ApiVersions that is not known has an answer; whatever else is not read has none here.
      const isVersions = request.apiKey === apiVersionsKey
      return isVersions ? pass() : Promise.resolve({ close: request.reason })
    }
    switch (request.api) {
      case 'ApiVersions':
        return pass()
      case 'SaslHandshake':
        return this.#handshake(request, pass)
      case 'SaslAuthenticate':
        return this.#authenticate(request)
      default:
        if (this.#attempt === undefined && this.isOpen) return this.#passOn(pass)
        return Promise.resolve({ close: `${request.api} came before a login` })
    }
  }

  #passOn(pass: () => Promise<Reply>): Promise<Reply> {
    const { untilMs = 0, user } = this.#login ?? {}
    if (this.#options.clock.now() < untilMs) return pass()
    return Promise.resolve({ close: `the login of ${user} was not renewed` })
  }

  async #handshake(
    { version, correlationId, body }: KafkaRequest<'SaslHandshake'>,
    pass: () => Promise<Reply>,
  ): Promise<Reply> {
    const { users, loginLifetimeMs } = this.#options
    if (this.isOpen && loginLifetimeMs === 0) return pass()
    const { mechanism } = body
    const respond = (error: KafkaErrorName): Buffer[] =>
      encodeResponse('SaslHandshake', version, correlationId, {
        errorCode: errorCodes[error],
        mechanisms: saslMechanisms,
      })
    if (this.#attempt !== undefined) {
      return { close: 'a second handshake in one login', last: respond('ILLEGAL_SASL_STATE') }
    }
    if (!isSaslMechanism(mechanism)) {
      const last = respond('UNSUPPORTED_SASL_MECHANISM')
      return { close: `mechanism "${mechanism.slice(0, 64)}" is not spoken`, last }
    }
    if (this.#login !== undefined && this.#login.mechanism !== mechanism) {
      return { close: 'a login was to be renewed by another mechanism' }
    }
    this.#attempt = {
      mechanism,
      exchange: startExchange(mechanism, users),
      isBare: version === 0,
    }
    return respond('NONE')
  }

  async #authenticate({
    version,
    correlationId,
    body,
  }: KafkaRequest<'SaslAuthenticate'>): Promise<Reply> {
    const respond = (error: KafkaErrorName, rest: Partial<ResponseOf<'SaslAuthenticate'>>) =>
      encodeResponse('SaslAuthenticate', version, correlationId, {
        errorCode: errorCodes[error],
        errorMessage: null,
        authBytes: nothing,
        ...rest,
      })
    const attempt = this.#attempt
    if (attempt === undefined) {
      const errorMessage = 'SaslAuthenticate came without a SaslHandshake.'
      const last = respond('ILLEGAL_SASL_STATE', { errorMessage })
      return { close: 'a login without a handshake', last }
    }
    const step = await this.#step(attempt, body.authBytes)
    if (step.kind === 'failed') {
      const last = respond('SASL_AUTHENTICATION_FAILED', { errorMessage: step.message })
      return { close: step.message, last }
    }
    const sessionLifetimeMs = step.kind === 'done' ? this.#options.loginLifetimeMs : 0
    return respond('NONE', { authBytes: step.token, sessionLifetimeMs })
  }

  /** The answer to a bare token is one, and to one that fails nothing but the end. */
  async #bareToken(attempt: Attempt, token: Buffer): Promise<Reply> {
    const step = await this.#step(attempt, token)
    if (step.kind === 'failed') return { close: step.message }
    const length = Buffer.alloc(4)
    length.writeInt32BE(step.token.length)
    return [length, step.token]
  }

  async #step({ mechanism, exchange }: Attempt, token: Buffer): Promise<SaslStep> {
    const { loginLifetimeMs, client, clock, signal, logger, counters, onLogin } = this.#options
    let step = await exchange.step(token)
    if (step.kind === 'continue') return step
    const before = this.#login
    if (step.kind === 'done' && before !== undefined && before.user !== step.user) {
      step = { kind: 'failed', user: step.user, message: 'Cannot change user in a renewed login' }
    }
    this.#attempt = undefined
    const { user } = step
    counters.loggedIn(mechanism, step.kind === 'done')
    if (step.kind === 'done') {
      const untilMs = loginLifetimeMs === 0 ? Infinity : clock.now() + loginLifetimeMs
      this.#login = { user, mechanism, untilMs }
      logger.debug('logged in', { client, user, mechanism })
      if (before === undefined) onLogin()
      return step
    }
    logger.warn('login failed', { client, user: user.slice(0, 64), mechanism })
    await sleep(clock, failedLoginDelayMs, signal)
    return step
  }
}

const nothing = Buffer.alloc(0)
const saslHandshakeKey = 17
const apiVersionsKey = 18

function isHandshake(frame: Buffer): boolean {
  return frame.length >= 2 && frame.readInt16BE(0) === saslHandshakeKey
}
