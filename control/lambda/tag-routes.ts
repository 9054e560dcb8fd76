// The Lambda API's routes for tags.
import { tagsRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError } from './api-errors.ts'
import { readRequest } from '../../common/aws/members.ts'
import { tagResourceRequest } from './requests.ts'
import { answer, type ApiRequest, type Route } from './route.ts'
import type { TagService } from './tag-service.ts'

const path = '/2017-03-31/tags/:arn'
const bodyMaxBytes = tagsRequestMaxBytes
const arnOf = (request: ApiRequest): string => request.path['arn'] ?? ''

export function tagRoutes({ tags }: { readonly tags: TagService }): readonly Route[] {
  return [
    {
      operation: 'TagResource',
      method: 'post',
      path,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(tagResourceRequest, request.body)
        if (input instanceof LambdaApiError) return input
        return answer(204, await tags.tag(arnOf(request), input), () => undefined)
      },
    },
    {
      operation: 'UntagResource',
      method: 'delete',
      path,
      bodyMaxBytes,
      handle: async (request) =>
        answer(204, await tags.untag(arnOf(request), request.queryAll('tagKeys')), () => undefined),
    },
    {
      operation: 'ListTags',
      method: 'get',
      path,
      bodyMaxBytes,
      handle: (request) => answer(200, tags.list(arnOf(request)), (all) => ({ Tags: all })),
    },
  ]
}
