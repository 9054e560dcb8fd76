// IAM's operations on what a role may do: policies of its own, and managed ones by their ARNs.
import { attachedPoliciesMax, rolePoliciesMaxLength } from '../../common/iam-limits.ts'
import { Violations } from '../../common/aws/validation.ts'
import {
  QueryError,
  violationsOf,
  type QueryForm,
  type QueryOperation,
  type QueryOutcome,
} from '../query/query-service.ts'
import { changing, reading, type IamContext } from './iam-context.ts'
import {
  checkPolicyName,
  documentFlaw,
  documentLength,
  limitExceeded,
  noSuchEntity,
  ownPolicyName,
  pageOf,
  policyArn,
  wireDocument,
} from './iam-rules.ts'
import { arnOf } from './policy-record.ts'
import type { RoleRecord } from './role-record.ts'

export function rolePolicyOperations(
  context: IamContext,
): Readonly<Record<string, QueryOperation>> {
  return {
    PutRolePolicy: changing(context, putPolicy),
    GetRolePolicy: reading(context, getPolicy),
    DeleteRolePolicy: changing(context, deletePolicy),
    ListRolePolicies: reading(context, ({ policies }, form) => {
      const items = Object.keys(policies).toSorted()
      const found = pageOf(form, new Violations(), { items, keyOf: (name) => name })
      return found instanceof QueryError ? found : { PolicyNames: found.page, ...found.rest }
    }),
    AttachRolePolicy: changing(context, (role, form) => attach(context, role, form)),
    DetachRolePolicy: changing(context, detach),
    ListAttachedRolePolicies: reading(context, listAttached),
  }
}

function putPolicy(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const [name, document] = [form.text('PolicyName'), form.text('PolicyDocument')]
  const violations = new Violations()
  checkPolicyName(violations, name)
  violations.required('policyDocument', document)
  const refused = violationsOf(violations) ?? documentFlaw(document ?? '')
  if (refused !== undefined) return refused
  const policies = { ...role.policies, [name ?? '']: document ?? '' }
  const length = Object.values(policies).reduce((sum, each) => sum + documentLength(each), 0)
  if (length <= rolePoliciesMaxLength) return { ...role, policies }
  return limitExceeded(
    `Maximum policy size of ${rolePoliciesMaxLength} bytes exceeded for role ${role.name}`,
  )
}

function getPolicy({ name, policies }: RoleRecord, form: QueryForm): QueryOutcome {
  const found = policyName(form)
  if (found instanceof QueryError) return found
  if (!Object.hasOwn(policies, found)) return unknownPolicy(found)
  const PolicyDocument = wireDocument(policies[found] ?? '')
  return { RoleName: name, PolicyName: found, PolicyDocument }
}

function deletePolicy(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const found = policyName(form)
  if (found instanceof QueryError) return found
  if (!Object.hasOwn(role.policies, found)) return unknownPolicy(found)
  const kept = Object.entries(role.policies).filter(([name]) => name !== found)
  return { ...role, policies: Object.fromEntries(kept) }
}

async function attach(
  { policies, account }: IamContext,
  role: RoleRecord,
  form: QueryForm,
): Promise<RoleRecord | QueryError> {
  const arn = policyArn(form)
  if (arn instanceof QueryError) return arn
  const own = ownPolicyName(account.accountId, arn)
  const policy = own === undefined ? undefined : await policies.find(own)
  const isThere = policy !== undefined && arnOf(account.accountId, policy) === arn
  if (own !== undefined && !isThere) {
    return noSuchEntity(`Policy ${arn} does not exist or is not attachable.`)
  }
  if (role.attached.includes(arn)) return role
  if (role.attached.length >= attachedPoliciesMax) {
    return limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${attachedPoliciesMax}`)
  }
  return { ...role, attached: [...role.attached, arn] }
}

function detach(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const arn = policyArn(form)
  if (arn instanceof QueryError) return arn
  if (!role.attached.includes(arn)) return noSuchEntity(`Policy ${arn} was not found.`)
  return { ...role, attached: role.attached.filter((each) => each !== arn) }
}

function listAttached({ attached }: RoleRecord, form: QueryForm): QueryOutcome {
  const prefix = form.text('PathPrefix') ?? '/'
  const items = attached.filter((arn) => pathOf(arn).startsWith(prefix)).toSorted()
  const found = pageOf(form, new Violations(), { items, keyOf: (arn) => arn })
  if (found instanceof QueryError) return found
  const shapes = found.page.map((arn) => ({
    PolicyName: arn.slice(arn.lastIndexOf('/') + 1),
    PolicyArn: arn,
  }))
  return { AttachedPolicies: shapes, ...found.rest }
}

function policyName(form: QueryForm): string | QueryError {
  const name = form.text('PolicyName')
  const violations = new Violations()
  checkPolicyName(violations, name)
  return violationsOf(violations) ?? name ?? ''
}

/** `/service-role/` of `arn:aws:iam::aws:policy/service-role/NAME`. */
function pathOf(arn: string): string {
  const resource = arn.slice(arn.indexOf(':policy/') + ':policy'.length)
  return resource.slice(0, resource.lastIndexOf('/') + 1)
}

function unknownPolicy(name: string): QueryError {
  return noSuchEntity(`The role policy with name ${name} cannot be found.`)
}
