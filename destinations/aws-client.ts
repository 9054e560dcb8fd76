// Makes the clients of AWS services, each when it is first needed: to import one costs memory and time.
import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { S3Client } from '@aws-sdk/client-s3'
import type { SNSClient } from '@aws-sdk/client-sns'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { destinationConnectMaxMs } from '../common/limits.ts'

export interface Clients {
  readonly sqs: SQSClient
  readonly sns: SNSClient
  readonly s3: S3Client
  readonly eventbridge: EventBridgeClient
}

/** Who has no credentials means something that asks for none: an emulator, a service of one's own. */
const anyone = { accessKeyId: 'millrace', secretAccessKey: 'millrace' }

async function credentials(): Promise<{ accessKeyId: string; secretAccessKey: string }> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  try {
    return await defaultProvider({ maxRetries: 0, timeout: destinationConnectMaxMs })()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return anyone
  }
}

interface Place {
  readonly region: string
  readonly requestMaxMs: number
}

/** Endpoint, profile and credentials come from the SDK's own variables and files. */
const settings = ({ region, requestMaxMs }: Place) => ({
  region,
  credentials,
  // Whoever sends decides about another try.
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: destinationConnectMaxMs,
    requestTimeout: requestMaxMs,
    socketTimeout: requestMaxMs,
    throwOnRequestTimeout: true,
  },
})

const makers: { [Name in keyof Clients]: (place: Place) => Promise<Clients[Name]> } = {
  sqs: async (place) => {
    const { SQSClient } = await import('@aws-sdk/client-sqs')
    // A queue's URL may name a host that only the service itself knows.
    return new SQSClient({ ...settings(place), useQueueUrlAsEndpoint: false })
  },
  sns: async (place) => {
    const { SNSClient } = await import('@aws-sdk/client-sns')
    return new SNSClient(settings(place))
  },
  s3: async (place) => {
    const { S3Client } = await import('@aws-sdk/client-s3')
    return new S3Client({
      ...settings(place),
      // As every service that speaks S3 understands it: no bucket in the host, no checksum behind the body.
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    })
  },
  eventbridge: async (place) => {
    const { EventBridgeClient } = await import('@aws-sdk/client-eventbridge')
    return new EventBridgeClient(settings(place))
  },
}

/** More regions than anyone has destinations in; the one used first goes then. */
const clientsMax = 16

/** One client for each service and region, made once. */
export class AwsClients {
  readonly #requestMaxMs: number
  readonly #clients = new Map<string, Promise<Clients[keyof Clients]>>()

  constructor(requestMaxMs: number) {
    this.#requestMaxMs = requestMaxMs
  }

  get<Name extends keyof Clients>(name: Name, region: string): Promise<Clients[Name]> {
    const key = `${name} ${region}`
    let client = this.#clients.get(key) as Promise<Clients[Name]> | undefined
    if (client === undefined) {
      client = makers[name]({ region, requestMaxMs: this.#requestMaxMs })
      this.#clients.set(key, client)
      if (this.#clients.size > clientsMax) this.#forgetOldest()
    }
    return client
  }

  close(): void {
    while (this.#clients.size > 0) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const [key, client] of this.#clients) {
      this.#clients.delete(key)
      void client.then((made) => made.destroy())
      return
    }
  }
}
