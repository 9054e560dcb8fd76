// Chooses the version of each API that both sides speak: the highest.
import type { ApiName, ReceivedResponse } from '../protocol/apis.ts'
import { apis } from '../protocol/apis.ts'

/** What a broker speaks, by API key; of the APIs that a consumer asks for, since each connection keeps its own. */
export type SpokenVersions = ReadonlyMap<number, { readonly min: number; readonly max: number }>

export function spokenVersions({ apiKeys }: ReceivedResponse<'ApiVersions'>): SpokenVersions {
  const own = apiKeys.filter(({ apiKey }) => asked.has(apiKey))
  return new Map(own.map(({ apiKey, minVersion: min, maxVersion: max }) => [apiKey, { min, max }]))
}

const asked: ReadonlySet<number> = new Set(
  (
    [
      'Metadata',
      'FindCoordinator',
      'JoinGroup',
      'SyncGroup',
      'Heartbeat',
      'LeaveGroup',
      'OffsetFetch',
      'OffsetCommit',
      'ListOffsets',
      'Fetch',
      'SaslHandshake',
      'SaslAuthenticate',
    ] as const satisfies readonly ApiName[]
  ).map((name) => apis[name].key),
)

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
