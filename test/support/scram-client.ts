// A client's half of SCRAM (RFC 5802), written from the RFC and apart from the broker's half.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export class ScramClient {
  readonly #hash: string
  readonly #password: string
  readonly #ownNonce: string
  readonly #bare: string
  #serverSignature = ''

  constructor(mechanism: string, user: string, password: string) {
    this.#hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
    this.#password = password
    this.#ownNonce = randomBytes(12).toString('hex')
    this.#bare = `n=${user},r=${this.#ownNonce}`
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** With `isOldLibrdkafka` the client's part of the nonce comes twice, as before librdkafka 2.6.1. */
  final(serverFirst: Buffer, { isOldLibrdkafka = false } = {}): Buffer {
    const [, nonce = '', salt = '', iterations = ''] =
      /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst.toString()) ?? []
    const saltBytes = Buffer.from(salt, 'base64')
    const salted = saltedPassword(this.#hash, this.#password, saltBytes, Number(iterations))
    const withoutProof = `c=biws,r=${isOldLibrdkafka ? this.#ownNonce : ''}${nonce}`
    const message = `${this.#bare},${serverFirst.toString()},${withoutProof}`
    const clientKey = this.#hmac(salted, 'Client Key')
    const storedKey = createHash(this.#hash).update(clientKey).digest()
    const signature = this.#hmac(storedKey, message)
    const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)))
    const serverKey = this.#hmac(salted, 'Server Key')
    this.#serverSignature = `v=${this.#hmac(serverKey, message).toString('base64')}`
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** Whether the server knows the password, too. */
  isServerRight(serverFinal: Buffer): boolean {
    return serverFinal.toString() === this.#serverSignature
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest()
  }
}

export function saltedPassword(
  hash: string,
  password: string,
  salt: Buffer,
  iterations: number,
): Buffer {
  return pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash)
}
