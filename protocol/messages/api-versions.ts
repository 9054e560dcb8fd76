// ApiVersions (key 18): which APIs the broker speaks, at which versions.
import { defineApi } from '../api.ts'
import { array, bool, int16, int32, int64, since, string, struct, tagged } from '../fields.ts'

/*
 * A version that the broker does not know is answered with the body of version 0 and
 * UNSUPPORTED_VERSION; the response's header is always that of version 0, so that a client which does
 * not know the version yet can read it (KIP-511). v3: flexible, the client's name, features (KIP-584).
 */
export const apiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 3,
  request: struct({
    clientSoftwareName: since(3, string, ''),
    clientSoftwareVersion: since(3, string, ''),
  }),
  response: struct({
    errorCode: int16,
    apiKeys: array(struct({ apiKey: int16, minVersion: int16, maxVersion: int16 })),
    throttleTimeMs: since(1, int32, 0),
    supportedFeatures: tagged(
      { tag: 0, since: 3 },
      array(struct({ name: string, minVersion: int16, maxVersion: int16 })),
      [],
    ),
    finalizedFeaturesEpoch: tagged({ tag: 1, since: 3 }, int64, -1),
    finalizedFeatures: tagged(
      { tag: 2, since: 3 },
      array(struct({ name: string, maxVersionLevel: int16, minVersionLevel: int16 })),
      [],
    ),
    zkMigrationReady: tagged({ tag: 3, since: 3 }, bool, false),
  }),
})
