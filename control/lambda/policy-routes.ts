// The Lambda API's routes for resource policies.
import { policyRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError } from './api-errors.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import type { PolicyTarget } from './policy-service.ts'
import { addPermissionRequest } from './requests.ts'
import { answer, type ApiRequest, type Route } from './route.ts'

const path = '/2015-03-31/functions/:name/policy'
const bodyMaxBytes = policyRequestMaxBytes
const targetOf = (request: ApiRequest): PolicyTarget => ({
  name: request.path['name'] ?? '',
  qualifier: request.query('Qualifier'),
})

export function policyRoutes({
  functions: { policies },
}: {
  readonly functions: Pick<FunctionService, 'policies'>
}): readonly Route[] {
  return [
    {
      operation: 'AddPermission',
      method: 'post',
      path,
      bodyMaxBytes,
      handle: async (request) => {
        const input = readRequest(addPermissionRequest, request.body)
        if (input instanceof LambdaApiError) return input
        const added = await policies.add(targetOf(request), input)
        return answer(201, added, (statement) => ({ Statement: statement }))
      },
    },
    {
      operation: 'GetPolicy',
      method: 'get',
      path,
      bodyMaxBytes,
      handle: (request) =>
        answer(200, policies.get(targetOf(request)), ({ policy, revisionId }) => ({
          Policy: policy,
          RevisionId: revisionId,
        })),
    },
    {
      operation: 'RemovePermission',
      method: 'delete',
      path: `${path}/:sid`,
      bodyMaxBytes,
      handle: async (request) => {
        const sid = request.path['sid'] ?? ''
        const revisionId = request.query('RevisionId')
        const removed = await policies.remove({ ...targetOf(request), sid, revisionId })
        return answer(204, removed, () => undefined)
      },
    },
  ]
}
