// Signs requests to AWS's services with AWS's Signature Version 4, by AWS's own library.
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AwsCredentialIdentityProvider, Checksum, SourceData } from '@smithy/types'

export interface SignedRequest {
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: Buffer
}

export class Signer {
  readonly #signature: SignatureV4

  constructor(credentials: AwsCredentialIdentityProvider, region: string, service = 'kinesis') {
    this.#signature = new SignatureV4({
      credentials,
      region,
      service,
      sha256: Sha256,
      applyChecksum: false,
    })
  }

  /** All headers that the request is to have. */
  async sign({ url, headers, body }: SignedRequest, now: Date): Promise<Record<string, string>> {
    const { protocol, hostname, host } = url
    const request = {
      method: 'POST',
      protocol,
      hostname,
      path: '/',
      query: {},
      headers: { host, ...headers },
      body,
    }
    const signed = await this.#signature.sign(request, { signingDate: now })
    return signed.headers
  }
}

/** What the library asks for: node's hash, keyed where it is given a key. */
class Sha256 implements Checksum {
  readonly #secret: SourceData | undefined
  #hash: Hash | Hmac

  constructor(secret?: SourceData) {
    this.#secret = secret
    this.#hash = start(secret)
  }

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    this.#hash = start(this.#secret)
  }
}

function start(secret: SourceData | undefined): Hash | Hmac {
  return secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
}

function bytesOf(data: SourceData): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
