// What a Kinesis API says no with, in the kinds that a reader tells apart.

export type RefusalKind =
  /** Too much for now: wait and ask again. */
  | 'throttled'
  /** The iterator is older than five minutes. */
  | 'expired'
  /** No such stream, shard or consumer. */
  | 'missing'
  /** It is being made or changed, or somebody else has the subscription. */
  | 'in-use'
  /** We are not let in. */
  | 'denied'
  /** The service's own failure. */
  | 'internal'
  | 'invalid'

export class Refusal {
  readonly kind: RefusalKind
  readonly code: string
  readonly message: string

  constructor(code: string, message: string) {
    this.code = code
    this.message = message
    this.kind = kinds[code] ?? 'invalid'
  }

  /** For a log line. */
  get reason(): string {
    return this.message === '' ? this.code : `${this.code}: ${this.message}`
  }
}

export type Answer<T> = T | Refusal

/** AWS's codes (botocore), and those of its front end. */
const kinds: Readonly<Record<string, RefusalKind>> = {
  ProvisionedThroughputExceededException: 'throttled',
  LimitExceededException: 'throttled',
  ThrottlingException: 'throttled',
  KMSThrottlingException: 'throttled',
  ExpiredIteratorException: 'expired',
  ResourceNotFoundException: 'missing',
  ResourceInUseException: 'in-use',
  AccessDeniedException: 'denied',
  KMSAccessDeniedException: 'denied',
  IncompleteSignatureException: 'denied',
  InvalidClientTokenId: 'denied',
  InvalidSignatureException: 'denied',
  MissingAuthenticationTokenException: 'denied',
  SignatureDoesNotMatch: 'denied',
  UnrecognizedClientException: 'denied',
  InternalFailure: 'internal',
  InternalFailureException: 'internal',
  ServiceUnavailable: 'internal',
}

/** `status` and `body` of an answer that is not 200. `__type` may have a namespace before it. */
export function refusalOf(status: number, body: unknown): Refusal {
  const { __type: type, message, Message } = isObject(body) ? body : {}
  const code = typeof type === 'string' ? (type.split('#').at(-1) ?? type) : undefined
  const text = typeof message === 'string' ? message : typeof Message === 'string' ? Message : ''
  return new Refusal(code ?? (status >= 500 ? 'InternalFailure' : `HTTP ${status}`), text)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
