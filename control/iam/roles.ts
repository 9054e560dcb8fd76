// IAM's operations on roles: kept and given back for Terraform and its like; nobody is held to them.
import { rolesMax, trustPolicyMaxLength } from '../../common/iam-limits.ts'
import { Violations } from '../../common/aws/validation.ts'
import {
  QueryError,
  violationsOf,
  type QueryForm,
  type QueryOperation,
  type QueryOutcome,
} from '../query/query-service.ts'
import { changing, findRole, reading, type IamContext } from './iam-context.ts'
import {
  checkArn,
  checkPath,
  checkRoleName,
  deleteConflict,
  documentFlaw,
  documentLength,
  limitExceeded,
  newId,
  noSuchEntity,
  pageOf,
  listTags,
  readTags,
  tagsFlaw,
  tagShapes,
  wireDocument,
  withoutTags,
} from './iam-rules.ts'
import type { RoleRecord } from './role-record.ts'

export function roleOperations(context: IamContext): Readonly<Record<string, QueryOperation>> {
  const described = (role: RoleRecord): object => ({ Role: roleShape(context, role) })
  const none = (): object => ({})
  return {
    CreateRole: (form) => context.changes.run(() => createRole(context, form)),
    GetRole: reading(context, described),
    ListRoles: (form) => listRoles(context, form),
    DeleteRole: (form) => context.changes.run(() => deleteRole(context, form)),
    UpdateRole: changing(context, updateRole, none),
    UpdateRoleDescription: changing(context, describe, described),
    UpdateAssumeRolePolicy: changing(context, trust),
    PutRolePermissionsBoundary: changing(context, bound),
    DeleteRolePermissionsBoundary: changing(context, ({ boundaryArn, ...role }) =>
      boundaryArn === undefined
        ? noSuchEntity(`Role ${role.name} has no permissions boundary.`)
        : role,
    ),
    TagRole: changing(context, tag),
    UntagRole: changing(context, untag),
    ListRoleTags: reading(context, ({ tags }, form) => listTags(tags, form)),
    // Instances, and so their profiles, there are none.
    ListInstanceProfilesForRole: reading(context, () => ({
      InstanceProfiles: [],
      IsTruncated: false,
    })),
  }
}

async function createRole(context: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const { roles, clock } = context
  const violations = new Violations()
  const [name, trustPolicy] = [form.text('RoleName'), form.text('AssumeRolePolicyDocument')]
  const [path, boundaryArn] = [form.text('Path'), form.text('PermissionsBoundary')]
  checkRoleName(violations, name)
  violations.required('assumeRolePolicyDocument', trustPolicy)
  violations.length('description', form.text('Description'), [0, 1000])
  checkPath(violations, path)
  const seconds = sessionSeconds(form, violations)
  if (boundaryArn !== undefined) checkArn(violations, 'permissionsBoundary', boundaryArn)
  const tags = readTags(form, violations)
  const refused = violationsOf(violations) ?? tagsFlaw(tags) ?? trustFlaw(trustPolicy ?? '')
  if (refused !== undefined) return refused
  if ((await roles.find(name ?? '')) !== undefined) {
    return new QueryError('EntityAlreadyExists', `Role with name ${name} already exists.`, 409)
  }
  if ((await roles.all()).length >= rolesMax) {
    return limitExceeded(`Cannot exceed quota for RolesPerAccount: ${rolesMax}`)
  }
  const role: RoleRecord = {
    name: name ?? '',
    path: path ?? '/',
    id: newId('AROA'),
    createdMs: clock.now(),
    trustPolicy: trustPolicy ?? '',
    description: form.text('Description') ?? '',
    maxSessionSeconds: seconds ?? 3600,
    ...(boundaryArn === undefined ? {} : { boundaryArn }),
    tags,
    policies: {},
    attached: [],
  }
  await roles.put(role)
  return { Role: roleShape(context, role) }
}

async function listRoles(context: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const prefix = form.text('PathPrefix') ?? '/'
  const items = (await context.roles.all()).filter(({ path }) => path.startsWith(prefix))
  const found = pageOf(form, new Violations(), { items, keyOf: ({ name }) => name })
  if (found instanceof QueryError) return found
  return { Roles: found.page.map((role) => roleShape(context, role)), ...found.rest }
}

async function deleteRole({ roles }: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const role = await findRole(roles, form)
  if (role instanceof QueryError) return role
  if (role.attached.length > 0) {
    return deleteConflict('Cannot delete entity, must detach all policies first.')
  }
  if (Object.keys(role.policies).length > 0) {
    return deleteConflict('Cannot delete entity, must delete policies first.')
  }
  await roles.remove(role.name)
  return undefined
}

function updateRole(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const violations = new Violations()
  const seconds = sessionSeconds(form, violations)
  violations.length('description', form.text('Description'), [0, 1000])
  return (
    violationsOf(violations) ?? {
      ...role,
      description: form.text('Description') ?? role.description,
      maxSessionSeconds: seconds ?? role.maxSessionSeconds,
    }
  )
}

function describe(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const description = form.text('Description')
  const violations = new Violations()
  violations.required('description', description)
  violations.length('description', description, [0, 1000])
  return violationsOf(violations) ?? { ...role, description: description ?? '' }
}

function trust(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const trustPolicy = form.text('PolicyDocument')
  const violations = new Violations()
  violations.required('policyDocument', trustPolicy)
  const refused = violationsOf(violations) ?? trustFlaw(trustPolicy ?? '')
  return refused ?? { ...role, trustPolicy: trustPolicy ?? '' }
}

function bound(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const boundaryArn = form.text('PermissionsBoundary')
  const violations = new Violations()
  checkArn(violations, 'permissionsBoundary', boundaryArn)
  return violationsOf(violations) ?? { ...role, boundaryArn: boundaryArn ?? '' }
}

function tag(role: RoleRecord, form: QueryForm): RoleRecord | QueryError {
  const violations = new Violations()
  const tags = { ...role.tags, ...readTags(form, violations) }
  return violationsOf(violations) ?? tagsFlaw(tags) ?? { ...role, tags }
}

function untag(role: RoleRecord, form: QueryForm): RoleRecord {
  return { ...role, tags: withoutTags(role.tags, form) }
}

function sessionSeconds(form: QueryForm, violations: Violations): number | undefined {
  const seconds = form.whole('MaxSessionDuration', violations)
  violations.range('maxSessionDuration', seconds, [3600, 43_200])
  return seconds
}

function trustFlaw(document: string): QueryError | undefined {
  if (documentLength(document) <= trustPolicyMaxLength) return documentFlaw(document)
  return limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${trustPolicyMaxLength}`)
}

function roleShape({ account }: IamContext, role: RoleRecord): object {
  const { path, name, boundaryArn: arn } = role
  return {
    Path: path,
    RoleName: name,
    RoleId: role.id,
    Arn: `arn:aws:iam::${account.accountId}:role${path}${name}`,
    CreateDate: new Date(role.createdMs),
    AssumeRolePolicyDocument: wireDocument(role.trustPolicy),
    ...(role.description === '' ? {} : { Description: role.description }),
    MaxSessionDuration: role.maxSessionSeconds,
    ...(arn === undefined
      ? {}
      : {
          PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: arn },
        }),
    ...(Object.keys(role.tags).length === 0 ? {} : { Tags: tagShapes(role.tags) }),
    RoleLastUsed: {},
  }
}
