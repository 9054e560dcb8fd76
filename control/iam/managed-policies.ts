// IAM's operations on managed policies of the account: kept with their versions; nobody is held to them.
import {
  managedPoliciesMax,
  managedPolicyMaxLength,
  policyVersionsMax,
} from '../../common/iam-limits.ts'
import { Violations } from '../../common/aws/validation.ts'
import {
  QueryError,
  violationsOf,
  type QueryForm,
  type QueryOperation,
  type QueryOutcome,
} from '../query/query-service.ts'
import type { IamContext } from './iam-context.ts'
import {
  checkPath,
  checkPolicyName,
  deleteConflict,
  documentFlaw,
  documentLength,
  limitExceeded,
  listTags,
  newId,
  noSuchEntity,
  ownPolicyName,
  pageOf,
  policyArn,
  readTags,
  tagsFlaw,
  tagShapes,
  wireDocument,
  withoutTags,
} from './iam-rules.ts'
import { arnOf, type PolicyRecord, type PolicyVersion } from './policy-record.ts'

type Change = (policy: PolicyRecord, form: QueryForm) => PolicyRecord | QueryError

export function managedPolicyOperations(
  context: IamContext,
): Readonly<Record<string, QueryOperation>> {
  const { changes, clock } = context
  const read =
    (reader: (policy: PolicyRecord, form: QueryForm) => QueryOutcome | Promise<QueryOutcome>) =>
    async (form: QueryForm): Promise<QueryOutcome> => {
      const policy = await findPolicy(context, form)
      return policy instanceof QueryError ? policy : reader(policy, form)
    }
  const change =
    (changer: Change, shape: (policy: PolicyRecord) => QueryOutcome = () => undefined) =>
    (form: QueryForm): Promise<QueryOutcome> =>
      changes.run(async () => {
        const policy = await findPolicy(context, form)
        if (policy instanceof QueryError) return policy
        const changed = changer(policy, form)
        if (changed instanceof QueryError) return changed
        await context.policies.put(changed)
        return shape(changed)
      })
  return {
    CreatePolicy: (form) => changes.run(() => createPolicy(context, form)),
    GetPolicy: read(async (policy) => ({ Policy: await policyShape(context, policy) })),
    ListPolicies: (form) => listPolicies(context, form),
    DeletePolicy: (form) => changes.run(() => deletePolicy(context, form)),
    CreatePolicyVersion: change(
      (policy, form) => addVersion(policy, form, clock.now()),
      (policy) => ({ PolicyVersion: versionShape(policy, policy.versions.at(-1)) }),
    ),
    GetPolicyVersion: read((policy, form) => {
      const version = findVersion(policy, form)
      return version instanceof QueryError
        ? version
        : { PolicyVersion: versionShape(policy, version, true) }
    }),
    ListPolicyVersions: read(listVersions),
    SetDefaultPolicyVersion: change((policy, form) => {
      const version = findVersion(policy, form)
      if (version instanceof QueryError) return version
      return { ...policy, defaultVersion: version.number, updatedMs: clock.now() }
    }),
    DeletePolicyVersion: change(removeVersion),
    TagPolicy: change((policy, form) => {
      const violations = new Violations()
      const tags = { ...policy.tags, ...readTags(form, violations) }
      return violationsOf(violations) ?? tagsFlaw(tags) ?? { ...policy, tags }
    }),
    UntagPolicy: change((policy, form) => ({ ...policy, tags: withoutTags(policy.tags, form) })),
    ListPolicyTags: read(({ tags }, form) => listTags(tags, form)),
  }
}

async function findPolicy(
  { policies, account }: IamContext,
  form: QueryForm,
): Promise<PolicyRecord | QueryError> {
  const arn = policyArn(form)
  if (arn instanceof QueryError) return arn
  const name = ownPolicyName(account.accountId, arn)
  const policy = name === undefined ? undefined : await policies.find(name)
  if (policy !== undefined && arnOf(account.accountId, policy) === arn) return policy
  return noSuchEntity(`Policy ${arn} was not found.`)
}

async function createPolicy(context: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const { policies, clock } = context
  const [name, path] = [form.text('PolicyName'), form.text('Path') ?? '/']
  const violations = new Violations()
  checkPolicyName(violations, name)
  checkPath(violations, path)
  violations.length('description', form.text('Description'), [0, 1000])
  const document = readDocument(form, violations)
  const tags = readTags(form, violations)
  const refused = violationsOf(violations) ?? tagsFlaw(tags)
  if (refused !== undefined) return refused
  if (document instanceof QueryError) return document
  if ((await policies.find(name ?? '')) !== undefined) {
    const text = `A policy called ${name} already exists. Duplicate names are not allowed.`
    return new QueryError('EntityAlreadyExists', text, 409)
  }
  if ((await policies.all()).length >= managedPoliciesMax) {
    return limitExceeded(`Cannot exceed quota for PoliciesPerAccount: ${managedPoliciesMax}`)
  }
  const createdMs = clock.now()
  const policy: PolicyRecord = {
    name: name ?? '',
    path,
    id: newId('ANPA'),
    createdMs,
    updatedMs: createdMs,
    description: form.text('Description') ?? '',
    tags,
    versions: [{ number: 1, document, createdMs }],
    defaultVersion: 1,
    lastVersion: 1,
  }
  await policies.put(policy)
  return { Policy: await policyShape(context, policy) }
}

/** Those of the account; AWS's own are not known here. */
async function listPolicies(context: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const violations = new Violations()
  violations.oneOf('scope', form.text('Scope'), ['All', 'AWS', 'Local'])
  const prefix = form.text('PathPrefix') ?? '/'
  const all = form.text('Scope') === 'AWS' ? [] : await context.policies.all()
  const items = all.filter(({ path }) => path.startsWith(prefix))
  const found = pageOf(form, violations, { items, keyOf: ({ name }) => name })
  if (found instanceof QueryError) return found
  const shapes = await Promise.all(found.page.map((policy) => policyShape(context, policy)))
  return { Policies: shapes, ...found.rest }
}

async function deletePolicy(context: IamContext, form: QueryForm): Promise<QueryOutcome> {
  const policy = await findPolicy(context, form)
  if (policy instanceof QueryError) return policy
  if (policy.versions.length > 1) {
    return deleteConflict(
      "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    )
  }
  if ((await attachments(context, policy)) > 0) {
    return deleteConflict('Cannot delete a policy attached to entities.')
  }
  await context.policies.remove(policy.name)
  return undefined
}

function addVersion(policy: PolicyRecord, form: QueryForm, nowMs: number) {
  const violations = new Violations()
  const document = readDocument(form, violations)
  const refused = violationsOf(violations)
  if (refused !== undefined) return refused
  if (document instanceof QueryError) return document
  if (policy.versions.length >= policyVersionsMax) {
    return limitExceeded(
      `A managed policy can have up to ${policyVersionsMax} versions. Before you create a new version, you must delete an existing version.`,
    )
  }
  const number = policy.lastVersion + 1
  return {
    ...policy,
    versions: [...policy.versions, { number, document, createdMs: nowMs }],
    lastVersion: number,
    updatedMs: nowMs,
    ...(form.text('SetAsDefault') === 'true' ? { defaultVersion: number } : {}),
  }
}

function removeVersion(policy: PolicyRecord, form: QueryForm): PolicyRecord | QueryError {
  const version = findVersion(policy, form)
  if (version instanceof QueryError) return version
  if (version.number === policy.defaultVersion) {
    return deleteConflict('Cannot delete the default version of a policy.')
  }
  return { ...policy, versions: policy.versions.filter((each) => each !== version) }
}

function findVersion(policy: PolicyRecord, form: QueryForm): PolicyVersion | QueryError {
  const id = form.text('VersionId')
  const violations = new Violations()
  violations.required('versionId', id)
  violations.pattern('versionId', id, 'v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?')
  const refused = violationsOf(violations)
  if (refused !== undefined) return refused
  const version = policy.versions.find(({ number }) => `v${number}` === id)
  return version ?? noSuchEntity(`Policy version ${id} was not found.`)
}

function listVersions(policy: PolicyRecord, form: QueryForm): QueryOutcome {
  const items = policy.versions
  // In the order of their numbers, however many digits.
  const keyOf = ({ number }: PolicyVersion): string => String(number).padStart(9, '0')
  const found = pageOf(form, new Violations(), { items, keyOf })
  if (found instanceof QueryError) return found
  return { Versions: found.page.map((each) => versionShape(policy, each)), ...found.rest }
}

function readDocument(form: QueryForm, violations: Violations): string | QueryError {
  const document = form.text('PolicyDocument')
  violations.required('policyDocument', document)
  if (document === undefined) return ''
  if (documentLength(document) > managedPolicyMaxLength) {
    return limitExceeded(`Cannot exceed quota for PolicySize: ${managedPolicyMaxLength}`)
  }
  return documentFlaw(document) ?? document
}

async function attachments({ roles, account }: IamContext, policy: PolicyRecord): Promise<number> {
  const arn = arnOf(account.accountId, policy)
  return (await roles.all()).filter(({ attached }) => attached.includes(arn)).length
}

async function policyShape(context: IamContext, policy: PolicyRecord): Promise<object> {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: arnOf(context.account.accountId, policy),
    Path: policy.path,
    DefaultVersionId: `v${policy.defaultVersion}`,
    AttachmentCount: await attachments(context, policy),
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    ...(policy.description === '' ? {} : { Description: policy.description }),
    CreateDate: new Date(policy.createdMs),
    UpdateDate: new Date(policy.updatedMs),
    ...(Object.keys(policy.tags).length === 0 ? {} : { Tags: tagShapes(policy.tags) }),
  }
}

/** The document goes with GetPolicyVersion alone. */
function versionShape(
  policy: PolicyRecord,
  version: PolicyVersion | undefined,
  withDocument = false,
): object {
  if (version === undefined) return {}
  return {
    ...(withDocument ? { Document: wireDocument(version.document) } : {}),
    VersionId: `v${version.number}`,
    IsDefaultVersion: version.number === policy.defaultVersion,
    CreateDate: new Date(version.createdMs),
  }
}
