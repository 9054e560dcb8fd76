// The two forms of a call's body, JSON and CBOR, and which of them an endpoint takes.
import { CborFlaw, decodeCbor, encodeCbor } from '../kinesis-wire/cbor.ts'
import type { Refusal } from './refusal.ts'

export type WireFormat = 'json' | 'cbor'

export const contentTypes: Readonly<Record<WireFormat, string>> = {
  json: 'application/x-amz-json-1.1',
  cbor: 'application/x-amz-cbor-1.1',
}

/** As an answer names it; as it was asked for where it names none. */
export function formatOf(contentType: string | undefined, asked: WireFormat): WireFormat {
  if (contentType === undefined) return asked
  if (contentType.includes('cbor')) return 'cbor'
  return contentType.includes('json') ? 'json' : asked
}

/** Members that are Dates are timestamps: seconds in JSON. */
export function encodeInput(format: WireFormat, input: object): Buffer {
  if (format === 'cbor') return Buffer.concat(encodeCbor(input))
  return Buffer.from(
    JSON.stringify(input, function (this: Readonly<Record<string, unknown>>, name, value: unknown) {
      const given = this[name]
      return given instanceof Date ? given.getTime() / 1000 : value
    }),
  )
}

/** Throws an Error that says why where it is neither. An empty body is an empty structure. */
export function decodeAnswer(format: WireFormat, body: Buffer): unknown {
  if (body.length === 0) return {}
  if (format === 'json') return JSON.parse(body.toString('utf8'))
  const value = decodeCbor(body)
  if (value instanceof CborFlaw) throw new Error(`${value.reason} at byte ${value.position}`)
  return value
}

/**
 * AWS takes both, and so does the platform's own door; some that stand in for it take JSON alone, and say so in ways of their own
 * (kinesalite once with a 404, others with a failure). So a first call in CBOR that is refused for no reason that a reader
 * knows is made again in JSON, and what comes of that is remembered.
 */
export class FormatChoice {
  #format: WireFormat = 'cbor'
  #isKnown = false

  /** What to ask in. */
  get format(): WireFormat {
    return this.#format
  }

  /** Whether a call in CBOR that was refused so is to be made in JSON. */
  isDoubtful({ kind }: Refusal): boolean {
    return !this.#isKnown && this.#format === 'cbor' && (kind === 'invalid' || kind === 'internal')
  }

  /** The endpoint has answered a call in this format, or refused it for a reason that shows that it was read. */
  understood(format: WireFormat): void {
    if (this.#isKnown) return
    this.#format = format
    this.#isKnown = true
  }
}
