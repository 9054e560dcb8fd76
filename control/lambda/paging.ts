// Cuts a list into pages that the caller walks with an opaque marker.
import { invalidParameter, type Outcome } from './api-errors.ts'

export interface PageRequest {
  readonly marker?: string | undefined
  readonly maxItems?: number | undefined
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Absent on the last page. */
  readonly nextMarker?: string
}

/**
 * The marker holds the key of the last item that was given, so entries that come or go between two
 * pages neither repeat nor hide another.
 */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  request: PageRequest & { readonly pageMax: number },
): Outcome<Page<T>> {
  // As AWS answers the last page: an empty marker is none.
  const { marker = '' } = request
  const after = marker === '' ? undefined : decode(marker)
  if (marker !== '' && after === undefined) {
    return invalidParameter(`Invalid Marker: ${marker.slice(0, 100)}`)
  }
  const sorted = all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const rest = after === undefined ? sorted : sorted.filter((item) => keyOf(item) > after)
  const size = Math.min(request.maxItems ?? request.pageMax, request.pageMax)
  const items = rest.slice(0, size)
  const last = items.at(-1)
  if (rest.length <= size || last === undefined) return { items }
  return { items, nextMarker: encode(keyOf(last)) }
}

function encode(key: string): string {
  return Buffer.from(`after:${key}`).toString('base64url')
}

function decode(marker: string): string | undefined {
  const text = Buffer.from(marker, 'base64url').toString()
  return text.startsWith('after:') ? text.slice('after:'.length) : undefined
}
