// A tour of IAM's managed policies and their versions, as Terraform's aws_iam_policy calls for them.
import { expect, test } from 'vitest'
import { inside, startIamForTest, type Fields } from '../test/support/iam-calls.ts'

const PolicyArn = 'arn:aws:iam::000000000000:policy/pit/p'
const PolicyDocument = '{"Version":"2012-10-17","Statement":[]}'
const trust = '{"Statement":[]}'

async function start() {
  const { ofNamed: ofPolicy, ...rest } = await startIamForTest({ PolicyArn })
  const created = await ofPolicy('CreatePolicy', {
    PolicyName: 'p',
    Path: '/pit/',
    Description: 'of the pit',
    PolicyDocument,
    'Tags.member.1.Key': 'team',
    'Tags.member.1.Value': 'pit',
  })
  return { ofPolicy, created, ...rest }
}

test('a policy is described as it was made, and its document is its first version', async () => {
  const { ofPolicy, created } = await start()
  const text = await ofPolicy('GetPolicy')
  expect(inside(text, 'Policy')).toEqual(inside(created, 'Policy'))
  for (const [name, value] of [
    ['Arn', PolicyArn],
    ['Path', '/pit/'],
    ['DefaultVersionId', 'v1'],
    ['AttachmentCount', '0'],
    ['Description', 'of the pit'],
    ['Tags', '<member><Key>team</Key><Value>pit</Value></member>'],
  ] as const) {
    expect(inside(text, name)).toEqual([value])
  }
  expect(inside(text, 'PolicyId')[0]).toMatch(/^ANPA[0-9A-F]{17}$/)
  const version = await ofPolicy('GetPolicyVersion', { VersionId: 'v1' })
  expect(decodeURIComponent(inside(version, 'Document')[0] ?? '')).toBe(PolicyDocument)
  expect(inside(await ofPolicy('ListPolicies', { Scope: 'Local' }), 'PolicyName')).toEqual(['p'])
  expect(inside(await ofPolicy('ListPolicies', { Scope: 'AWS' }), 'PolicyName')).toEqual([])
})

test('versions come and go under numbers of their own, at most five, and one is the default', async () => {
  const { ofPolicy, refusal } = await start()
  const version = { PolicyDocument: '{"Statement":[1]}' }
  const made = await ofPolicy('CreatePolicyVersion', { ...version, SetAsDefault: 'false' })
  expect(made).toContain('<VersionId>v2</VersionId><IsDefaultVersion>false</IsDefaultVersion>')
  await ofPolicy('SetDefaultPolicyVersion', { VersionId: 'v2' })
  expect(inside(await ofPolicy('GetPolicy'), 'DefaultVersionId')).toEqual(['v2'])
  await ofPolicy('DeletePolicyVersion', { VersionId: 'v1' })
  for (let number = 3; number <= 6; number += 1) {
    await ofPolicy('CreatePolicyVersion', { ...version, SetAsDefault: 'true' })
  }
  const listed = await ofPolicy('ListPolicyVersions')
  expect(inside(listed, 'VersionId')).toEqual(['v2', 'v3', 'v4', 'v5', 'v6'])
  expect(inside(listed, 'IsDefaultVersion').indexOf('true')).toBe(4)
  expect((await refusal('CreatePolicyVersion', version))[1]).toBe('LimitExceeded')
  expect(await refusal('DeletePolicyVersion', { VersionId: 'v6' })).toEqual([
    409,
    'DeleteConflict',
    'Cannot delete the default version of a policy.',
  ])
  expect((await refusal('DeletePolicy'))[1]).toBe('DeleteConflict')
})

test('a policy stays while a role has it, and is gone afterwards', async () => {
  const { ofPolicy, refusal } = await start()
  const role = { RoleName: 'r', AssumeRolePolicyDocument: trust }
  await ofPolicy('CreateRole', role)
  await ofPolicy('AttachRolePolicy', role)
  expect(inside(await ofPolicy('GetPolicy'), 'AttachmentCount')).toEqual(['1'])
  expect((await refusal('DeletePolicy'))[1]).toBe('DeleteConflict')
  await ofPolicy('DetachRolePolicy', role)
  await ofPolicy('DeletePolicy')
  for (const action of ['GetPolicy', 'DeletePolicy', 'ListPolicyVersions', 'AttachRolePolicy']) {
    expect((await refusal(action, role)).slice(0, 2)).toEqual([404, 'NoSuchEntity'])
  }
})

test("a policy's tags are added, listed and taken away", async () => {
  const { ofPolicy } = await start()
  await ofPolicy('TagPolicy', { 'Tags.member.1.Key': 'a', 'Tags.member.1.Value': '1' })
  await ofPolicy('UntagPolicy', { 'TagKeys.member.1': 'team' })
  expect(inside(await ofPolicy('ListPolicyTags'), 'member')).toEqual([
    '<Key>a</Key><Value>1</Value>',
  ])
})

test.each<[string, string, Fields, string]>([
  [
    'a name that is there',
    'CreatePolicy',
    { PolicyName: 'P', PolicyDocument },
    'EntityAlreadyExists',
  ],
  ['no document', 'CreatePolicy', { PolicyName: 'q' }, 'ValidationError'],
  [
    'a document that is no JSON',
    'CreatePolicyVersion',
    { PolicyDocument: 'x' },
    'MalformedPolicyDocument',
  ],
  [
    'a document that is too long',
    'CreatePolicy',
    { PolicyName: 'q', PolicyDocument: 'x'.repeat(6145) },
    'LimitExceeded',
  ],
  ['another path', 'GetPolicy', { PolicyArn: PolicyArn.replace('/pit', '') }, 'NoSuchEntity'],
  [
    'a policy of AWS',
    'GetPolicy',
    { PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
    'NoSuchEntity',
  ],
  ['a version that is not there', 'GetPolicyVersion', { VersionId: 'v9' }, 'NoSuchEntity'],
  ['a version that cannot be', 'GetPolicyVersion', { VersionId: '1' }, 'ValidationError'],
  ['a scope that is none', 'ListPolicies', { Scope: 'Mine' }, 'ValidationError'],
])('%s is refused by %s', async (_what, action, fields, code) => {
  const { refusal } = await start()
  expect((await refusal(action, fields))[1]).toBe(code)
})
