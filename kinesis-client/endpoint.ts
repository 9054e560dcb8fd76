// Which Kinesis API a client speaks to, and what it proves itself with there.
import type { AwsCredentialIdentityProvider } from '@smithy/types'

export interface KinesisEndpoint {
  /** `http://host:port`, without a path. */
  readonly url: string
  /** Whether AWS's limits of calls hold there, whatever the pace here. */
  readonly isAws: boolean
  /** Absent where nobody asks for any: the platform's own door. */
  readonly credentials?: AwsCredentialIdentityProvider
}

export interface EndpointSettings {
  /** A URL; `aws` for AWS itself, in the region of the stream; empty for `own`. */
  readonly kinesisEndpoint: string
  /** The platform's own door. */
  readonly own: string
}

/** Who has no credentials means something that asks for none but checks that there are some. */
const anyone = { accessKeyId: 'millrace', secretAccessKey: 'millrace' }

/** So long a source of credentials may take: without any on this machine the last one asked is a network's. */
const credentialsMaxMs = 1000

export function endpointOf(
  { kinesisEndpoint, own }: EndpointSettings,
  region: string,
): KinesisEndpoint {
  if (kinesisEndpoint === '') return { url: own, isAws: false }
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const url =
    kinesisEndpoint === 'aws'
      ? `https://kinesis.${region}.${suffix}`
      : kinesisEndpoint.replace(/\/+$/, '')
  const isAws = /\.amazonaws\.com(\.cn)?$/.test(new URL(url).hostname)
  return { url, isAws, credentials: credentialChain() }
}

/** AWS's default chain, which keeps what it found until that expires. */
export function credentialChain(): AwsCredentialIdentityProvider {
  let provider: AwsCredentialIdentityProvider | undefined
  return async () => {
    if (provider === undefined) {
      const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
      provider = defaultProvider({ maxRetries: 0, timeout: credentialsMaxMs })
    }
    try {
      return await provider()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return anyone
    }
  }
}
