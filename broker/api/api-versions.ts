// ApiVersions (key 18), versions 0 to 4: lists what is spoken. No features are announced: there are none.
import { apis } from '../../protocol/apis.ts'
import type { ResponseOf } from '../../protocol/apis.ts'
import { codeOf, type Handler } from './broker-context.ts'

const apiKeys = Object.values(apis)
  .map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion }))
  .sort((a, b) => a.apiKey - b.apiKey)

export const apiVersions: Handler<'ApiVersions'> = () => ({ errorCode: codeOf('NONE'), apiKeys })

/** KIP-511: the answer, in version 0, to a version that is not known. */
export const unsupportedApiVersions: ResponseOf<'ApiVersions'> = {
  errorCode: codeOf('UNSUPPORTED_VERSION'),
  apiKeys,
}
