// Hands out functions' packages, where GetFunction says that they are.
import type { CodeStore } from './code-store.ts'
import { LambdaApiError } from './api-errors.ts'
import type { Route } from './route.ts'

const root = '/code'

/** The package of a digest (base64, as `CodeSha256`) at the door that was asked. */
export function packageUrl(host: string | undefined, sha256: string): string {
  const hex = Buffer.from(sha256, 'base64').toString('hex')
  return `http://${host ?? 'localhost'}${root}/${hex}.zip`
}

export function codeRoutes({ codeStore }: { readonly codeStore: CodeStore }): readonly Route[] {
  return [
    {
      operation: 'GetFunctionCode',
      method: 'get',
      path: `${root}/:file`,
      bodyMaxBytes: 0,
      handle: async (request) => {
        const hex = /^([0-9a-f]{64})\.zip$/.exec(request.path['file'] ?? '')?.[1]
        const zip = hex === undefined ? undefined : await codeStore.zipOf(hex)
        if (zip === undefined) {
          const text = 'There is no such package.'
          return new LambdaApiError('ResourceNotFoundException', text)
        }
        const headers = { 'content-length': String(zip.sizeBytes) }
        return { status: 200, body: zip.content, headers }
      },
    },
  ]
}
