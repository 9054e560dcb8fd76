// The Lambda API's routes for resource policies.
import { policyRequestMaxBytes, wholePolicyRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError } from './api-errors.ts'
import type { FunctionService } from './function-service.ts'
import { readRequest } from '../../common/aws/members.ts'
import type { PolicyTarget, WrittenPolicy } from './policy-service.ts'
import { addPermissionRequest, putResourcePolicyRequest } from './requests.ts'
import { answer, type ApiRequest, type Route } from './route.ts'

const path = '/2015-03-31/functions/:name/policy'
const bodyMaxBytes = policyRequestMaxBytes
const targetOf = (request: ApiRequest): PolicyTarget => ({
  name: request.path['name'] ?? '',
  qualifier: request.query('Qualifier'),
})

const shapeOf = ({ policy, revisionId }: WrittenPolicy): object => ({
  Policy: policy,
  RevisionId: revisionId,
})

interface Context {
  readonly functions: Pick<FunctionService, 'policies'>
}

export function policyRoutes(context: Context): readonly Route[] {
  return [...statementRoutes(context), ...wholeRoutes(context)]
}

function statementRoutes({ functions: { policies } }: Context): readonly Route[] {
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
      handle: (request) => answer(200, policies.get(targetOf(request)), shapeOf),
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

/** Policies as wholes, by the ARN of a function, version or alias. */
function wholeRoutes({ functions: { policies } }: Context): readonly Route[] {
  const wholePath = '/2026-07-09/resource-policy/:arn'
  const arnOf = (request: ApiRequest): string => request.path['arn'] ?? ''
  return [
    {
      operation: 'PutResourcePolicy',
      method: 'put',
      path: wholePath,
      bodyMaxBytes: wholePolicyRequestMaxBytes,
      handle: async (request) => {
        const input = readRequest(putResourcePolicyRequest, request.body)
        if (input instanceof LambdaApiError) return input
        return answer(200, await policies.replace(arnOf(request), input), shapeOf)
      },
    },
    {
      operation: 'GetResourcePolicy',
      method: 'get',
      path: wholePath,
      bodyMaxBytes,
      handle: (request) => answer(200, policies.whole(arnOf(request)), shapeOf),
    },
    {
      operation: 'DeleteResourcePolicy',
      method: 'delete',
      path: wholePath,
      bodyMaxBytes,
      handle: async (request) => {
        const removed = await policies.removeWhole(arnOf(request), request.query('RevisionId'))
        return answer(204, removed, () => undefined)
      },
    },
  ]
}
