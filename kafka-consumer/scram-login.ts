// A client's half of SCRAM (RFC 5802, 7677): proves that it knows the password, and that the server does.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { scramIterationsMax } from '../common/consumer-limits.ts'

const derive = promisify(pbkdf2)

export interface ScramLoginOptions {
  readonly hash: 'sha256' | 'sha512'
  readonly username: string
  readonly password: string
  /** The client's part of the nonce; random unless given. */
  readonly nonce?: string
}

/** In order: `first`, then `final` with what the server said to it, then `isServerRight` likewise. */
export class ScramLogin {
  readonly #options: ScramLoginOptions
  readonly #nonce: string
  readonly #bare: string
  #serverSignature: Buffer = Buffer.alloc(0)

  constructor(options: ScramLoginOptions) {
    this.#options = options
    this.#nonce = options.nonce ?? randomBytes(24).toString('base64url')
    // "," and "=" have a meaning of their own in these messages.
    const name = options.username.replaceAll('=', '=3D').replaceAll(',', '=2C')
    this.#bare = `n=${name},r=${this.#nonce}`
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** Undefined where the server's message is not one that follows ours. */
  async final(serverFirst: Buffer): Promise<Buffer | undefined> {
    const { hash, password } = this.#options
    const text = serverFirst.toString()
    const [, nonce = '', salt = '', count = ''] =
      /^r=([^,]+),s=([^,]+),i=(\d{1,9})(?:,.*)?$/.exec(text) ?? []
    const iterations = Number(count)
    const isOurs = nonce.length > this.#nonce.length && nonce.startsWith(this.#nonce)
    if (!isOurs || iterations < 1 || iterations > scramIterationsMax) return undefined
    const bytes = hash === 'sha256' ? 32 : 64
    const saltBytes = Buffer.from(salt, 'base64')
    const salted = await derive(password, saltBytes, iterations, bytes, hash)
    const withoutProof = `c=biws,r=${nonce}`
    const message = `${this.#bare},${text},${withoutProof}`
    const clientKey = hmac(hash, salted, 'Client Key')
    const storedKey = createHash(hash).update(clientKey).digest()
    const signature = hmac(hash, storedKey, message)
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)))
    this.#serverSignature = hmac(hash, hmac(hash, salted, 'Server Key'), message)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** Whether the server knows the password, too. */
  isServerRight(serverFinal: Buffer): boolean {
    const [, verifier = ''] = /^v=([^,]+)/.exec(serverFinal.toString()) ?? []
    const given = Buffer.from(verifier, 'base64')
    const expected = this.#serverSignature
    return (
      expected.length > 0 && given.length === expected.length && timingSafeEqual(given, expected)
    )
  }
}

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}
