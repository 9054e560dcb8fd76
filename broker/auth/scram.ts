// SCRAM (RFC 5802, 7677): what is kept of a password, and the server's half of the exchange.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { scramIterationsMin } from '../../common/door-limits.ts'

/** `type` is Kafka's number on the wire. */
export const scramMechanisms = {
  'SCRAM-SHA-256': { type: 1, hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { type: 2, hash: 'sha512', bytes: 64 },
} as const
export type ScramMechanism = keyof typeof scramMechanisms
export const scramMechanismNames = Object.keys(scramMechanisms) as readonly ScramMechanism[]

/** What is kept in place of a password: enough to check one, not enough to log in with. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** The rest of what a client would compute from its password; does not tell the password. */
export function credentialOf(
  mechanism: ScramMechanism,
  salted: { readonly salt: Buffer; readonly iterations: number; readonly saltedPassword: Buffer },
): ScramCredential {
  const { hash } = scramMechanisms[mechanism]
  const { salt, iterations, saltedPassword } = salted
  const clientKey = hmac(hash, saltedPassword, 'Client Key')
  return {
    salt,
    iterations,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: hmac(hash, saltedPassword, 'Server Key'),
  }
}

const derive = promisify(pbkdf2)

/** Takes milliseconds of another thread: who calls it sees to how many run at once. */
export async function saltPassword(
  mechanism: ScramMechanism,
  password: string,
  { salt, iterations }: { readonly salt: Buffer; readonly iterations: number },
): Promise<ScramCredential> {
  const { hash, bytes } = scramMechanisms[mechanism]
  const saltedPassword = await derive(password, salt, iterations, bytes, hash)
  return credentialOf(mechanism, { salt, iterations, saltedPassword })
}

export function newSalt(): Buffer {
  return randomBytes(16)
}

/** In constant time, whatever the two hold. */
export function isSameKey(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Stands for a user that is not there: the exchange goes on to its end and fails there, so that nobody
 * learns which names exist. The salt of a name is always the same, as a real one is.
 */
export function absentCredential(mechanism: ScramMechanism, user: string): ScramCredential {
  const { hash, bytes } = scramMechanisms[mechanism]
  return {
    salt: hmac(hash, absentSecret, user).subarray(0, 16),
    iterations: scramIterationsMin,
    storedKey: randomBytes(bytes),
    serverKey: randomBytes(bytes),
  }
}
const absentSecret = randomBytes(32)

/** The client's first message: `n,,n=user,r=nonce`. Undefined where it is not one that we take. */
export interface ClientFirst {
  readonly user: string
  /** Empty, or who the client wants to be. */
  readonly authorizationId: string
  readonly gs2Header: string
  readonly bare: string
  readonly nonce: string
}

const safe = String.raw`[^\0,=]|=2C|=3D`
const clientFirstForm = new RegExp(
  String.raw`^((?:n|y),(?:a=((?:${safe})+))?,)(n=((?:${safe})+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$`,
  's',
)

export function parseClientFirst(message: string): ClientFirst | undefined {
  const [, gs2Header, authorizationId = '', bare, user, nonce] = clientFirstForm.exec(message) ?? []
  if (gs2Header === undefined || bare === undefined) return undefined
  if (user === undefined || nonce === undefined) return undefined
  return {
    gs2Header,
    bare,
    nonce,
    user: unescaped(user),
    authorizationId: unescaped(authorizationId),
  }
}

function unescaped(name: string): string {
  return name.replace(/=2C/g, ',').replace(/=3D/g, '=')
}

/** The server's two messages. One for each attempt to log in. */
export class ScramServer {
  readonly #mechanism: ScramMechanism
  readonly #credential: ScramCredential
  readonly #first: ClientFirst
  readonly #nonce: string
  readonly #serverFirst: string

  constructor(
    mechanism: ScramMechanism,
    credential: ScramCredential,
    { first, serverNonce }: { readonly first: ClientFirst; readonly serverNonce: string },
  ) {
    this.#mechanism = mechanism
    this.#credential = credential
    this.#first = first
    this.#nonce = first.nonce + serverNonce
    const { salt, iterations } = credential
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`
  }

  get firstMessage(): string {
    return this.#serverFirst
  }

  /** The server's last message, with which it proves itself; undefined where the client's proof fails. */
  finish(clientFinal: string): string | undefined {
    const [, withoutProof, binding, nonce, proofText] =
      /^(c=([A-Za-z0-9+/=]*),r=([^,]*)(?:,.*)?),p=([A-Za-z0-9+/=]+)$/s.exec(clientFinal) ?? []
    if (withoutProof === undefined || proofText === undefined) return undefined
    if (Buffer.from(binding ?? '', 'base64').toString() !== this.#first.gs2Header) return undefined
    // As in Kafka 3.9: librdkafka before 2.6.1 puts its own nonce before ours, which begins with it already.
    if (nonce?.endsWith(this.#nonce) !== true) return undefined
    const { hash } = scramMechanisms[this.#mechanism]
    const message = `${this.#first.bare},${this.#serverFirst},${withoutProof}`
    const proof = Buffer.from(proofText, 'base64')
    const signature = hmac(hash, this.#credential.storedKey, message)
    if (proof.length !== signature.length) return undefined
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] ?? 0)))
    const storedKey = createHash(hash).update(clientKey).digest()
    if (!isSameKey(storedKey, this.#credential.storedKey)) return undefined
    return `v=${hmac(hash, this.#credential.serverKey, message).toString('base64')}`
  }
}

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}
