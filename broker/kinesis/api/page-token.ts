// Tokens of the lists' next pages: where to go on, for five minutes.
import { pageTokenLifeMs } from '../../../common/stream-limits.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'

export interface Page {
  /** The last name or id of the page before. */
  readonly after: string
  /** Which list goes on, as its request began it: its members as JSON. */
  readonly of?: string
}

/** Opaque to clients; it holds nothing that they did not have. `list` is which operation's it is. */
export function pageToken(
  { clock }: Pick<KinesisContext, 'clock'>,
  list: string,
  page: Page,
): string {
  const text = JSON.stringify([list, clock.now(), page.after, page.of ?? ''])
  return Buffer.from(text).toString('base64url')
}

export function readPageToken(
  { clock }: Pick<KinesisContext, 'clock'>,
  list: string,
  token: string,
): Outcome<Page> {
  const value = parsedJson(Buffer.from(token, 'base64url').toString())
  const [ofList, madeMs, after, of] = Array.isArray(value) ? (value as unknown[]) : []
  const isOurs = ofList === list && typeof madeMs === 'number' && typeof after === 'string'
  if (!isOurs || typeof of !== 'string') return noSuchToken()
  if (clock.now() - madeMs > pageTokenLifeMs) {
    const reason = `NextToken has expired: it is valid for ${pageTokenLifeMs / 1000} seconds.`
    return new KinesisError('ExpiredNextTokenException', reason)
  }
  return { after, of }
}

/** Undefined where the text is none. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function noSuchToken(): KinesisError {
  return invalidArgument('NextToken is invalid.')
}
