// Chooses the version of each API that both sides speak: the highest.
import type { ApiName, ReceivedResponse } from '../protocol/apis.ts'
import { apis } from '../protocol/apis.ts'

/** What a broker speaks, by API key. */
export type SpokenVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>

export function spokenVersions({ apiKeys }: ReceivedResponse<'ApiVersions'>): SpokenVersions {
  return new Map(
    apiKeys.map(({ apiKey, minVersion: min, maxVersion: max }) => [apiKey, { min, max }]),
  )
}

/** Undefined where there is none. `most` bounds it further. */
export function chooseVersion(
  spoken: SpokenVersions,
  name: ApiName,
  most = Infinity,
): number | undefined {
  const { key, minVersion, maxVersion } = apis[name]
  const theirs = spoken.get(key)
  if (theirs === undefined) return undefined
  const version = Math.min(maxVersion, theirs.max, most)
  return version >= Math.max(minVersion, theirs.min) ? version : undefined
}
