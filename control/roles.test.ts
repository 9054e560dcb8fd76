// A tour of IAM's roles as the AWS CLI and Terraform send their calls: kept, described, changed, refused and removed.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inside, startIamForTest, type Fields } from '../test/support/iam-calls.ts'

const trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}'
const policy = '{"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Action":"*"}]}'
const basic = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'

const create = { AssumeRolePolicyDocument: trust }

async function start() {
  const { ofNamed: ofRole, ...rest } = await startIamForTest({ RoleName: 'r' })
  return { ofRole, ...rest }
}

test('a role is described as it was made, its document as it would stand in a URL', async () => {
  const { ofRole } = await start()
  const created = await ofRole('CreateRole', {
    ...create,
    Path: '/pit/',
    Description: 'of <fast> & slow cars',
    MaxSessionDuration: '7200',
    PermissionsBoundary: basic,
    'Tags.member.1.Key': 'team',
    'Tags.member.1.Value': 'pit',
    'Tags.member.2.Key': '__proto__',
  })
  const text = await ofRole('GetRole')
  expect(inside(text, 'Role')).toEqual(inside(created, 'Role'))
  expect(text).toContain('xmlns="https://iam.amazonaws.com/doc/2010-05-08/"')
  for (const [name, value] of [
    ['Path', '/pit/'],
    ['RoleName', 'r'],
    ['Arn', 'arn:aws:iam::000000000000:role/pit/r'],
    ['Description', 'of &lt;fast&gt; &amp; slow cars'],
    ['MaxSessionDuration', '7200'],
    ['PermissionsBoundaryArn', basic],
  ] as const) {
    expect(inside(text, name)).toEqual([value])
  }
  expect(inside(text, 'RoleId')[0]).toMatch(/^AROA[0-9A-F]{17}$/)
  expect(inside(text, 'CreateDate')[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  expect(decodeURIComponent(inside(text, 'AssumeRolePolicyDocument')[0] ?? '')).toBe(trust)
  expect(inside(await ofRole('ListRoleTags'), 'Key')).toEqual(['__proto__', 'team'])
})

test('each attribute of a role can be changed, and taken away where it can be absent', async () => {
  const { ofRole, refusal } = await start()
  await ofRole('CreateRole', create)
  await ofRole('UpdateRole', { MaxSessionDuration: '3601', Description: 'one' })
  await ofRole('UpdateRole', { MaxSessionDuration: '3602' })
  expect(await ofRole('GetRole')).toContain(
    '<Description>one</Description><MaxSessionDuration>3602</MaxSessionDuration>',
  )
  expect(await ofRole('UpdateRoleDescription', { Description: '' })).not.toContain('<Description>')
  await ofRole('UpdateAssumeRolePolicy', { PolicyDocument: '{"Statement":[]}' })
  await ofRole('PutRolePermissionsBoundary', { PermissionsBoundary: basic })
  await ofRole('TagRole', {
    'Tags.member.1.Key': 'a',
    'Tags.member.1.Value': '1',
    'Tags.member.2.Key': 'b',
    'Tags.member.2.Value': '2',
  })
  await ofRole('UntagRole', { 'TagKeys.member.1': 'a' })
  const changed = await ofRole('GetRole')
  expect(changed).toContain('<Tags><member><Key>b</Key><Value>2</Value></member></Tags>')
  expect(decodeURIComponent(changed)).toContain('{"Statement":[]}')
  expect(changed).toContain(basic)
  await ofRole('DeleteRolePermissionsBoundary')
  expect(await ofRole('GetRole')).not.toContain('PermissionsBoundary')
  expect((await refusal('DeleteRolePermissionsBoundary'))[1]).toBe('NoSuchEntity')
})

test('policies of its own and managed ones come, are listed, and go before the role does', async () => {
  const { ofRole, refusal } = await start()
  await ofRole('CreateRole', create)
  await ofRole('PutRolePolicy', { PolicyName: 'own', PolicyDocument: policy })
  await ofRole('AttachRolePolicy', { PolicyArn: basic })
  await ofRole('AttachRolePolicy', { PolicyArn: basic })
  const got = await ofRole('GetRolePolicy', { PolicyName: 'own' })
  expect(decodeURIComponent(inside(got, 'PolicyDocument')[0] ?? '')).toBe(policy)
  expect(inside(await ofRole('ListRolePolicies'), 'member')).toEqual(['own'])
  expect(inside(await ofRole('ListAttachedRolePolicies'), 'member')).toEqual([
    `<PolicyName>AWSLambdaBasicExecutionRole</PolicyName><PolicyArn>${basic}</PolicyArn>`,
  ])
  const elsewhere = await ofRole('ListAttachedRolePolicies', { PathPrefix: '/other/' })
  expect(inside(elsewhere, 'member')).toEqual([])
  expect(inside(await ofRole('ListInstanceProfilesForRole'), 'member')).toEqual([])
  expect(await refusal('DeleteRole')).toEqual([
    409,
    'DeleteConflict',
    'Cannot delete entity, must detach all policies first.',
  ])
  await ofRole('DetachRolePolicy', { PolicyArn: basic })
  expect(await refusal('DeleteRole')).toEqual([
    409,
    'DeleteConflict',
    'Cannot delete entity, must delete policies first.',
  ])
  await ofRole('DeleteRolePolicy', { PolicyName: 'own' })
  for (const [action, fields] of [
    ['GetRolePolicy', { PolicyName: 'own' }],
    ['DeleteRolePolicy', { PolicyName: 'own' }],
    ['DetachRolePolicy', { PolicyArn: basic }],
  ] as const) {
    expect((await refusal(action, fields)).slice(0, 2)).toEqual([404, 'NoSuchEntity'])
  }
  await ofRole('DeleteRole')
  expect(await refusal('GetRole')).toEqual([
    404,
    'NoSuchEntity',
    'The role with name r cannot be found.',
  ])
})

test('roles are listed page by page, by path', async () => {
  const { call } = await start()
  for (const RoleName of ['b', 'a', 'c']) {
    const Path = RoleName === 'b' ? '/other/' : '/'
    await call('CreateRole', { ...create, RoleName, Path })
  }
  const names = async (fields: Fields) => {
    const { text } = await call('ListRoles', fields)
    return [inside(text, 'RoleName'), inside(text, 'Marker')[0]] as const
  }
  const [first, Marker = ''] = await names({ MaxItems: '2' })
  expect([first, (await names({ MaxItems: '2', Marker }))[0]]).toEqual([['a', 'b'], ['c']])
  expect(await names({ PathPrefix: '/other/' })).toEqual([['b'], undefined])
})

test.each<[string, string, Fields, string, string]>([
  [
    'a name that is there but for its case',
    'CreateRole',
    { ...create, RoleName: 'R' },
    'EntityAlreadyExists',
    'Role with name R already exists.',
  ],
  [
    'no name',
    'CreateRole',
    { ...create, RoleName: '' },
    'ValidationError',
    "Value '' at 'roleName' failed",
  ],
  [
    'a name with a slash',
    'GetRole',
    { RoleName: '../x' },
    'ValidationError',
    "Value '../x' at 'roleName'",
  ],
  [
    'a duration that is no number',
    'UpdateRole',
    { MaxSessionDuration: 'long' },
    'ValidationError',
    'Member must be an integer',
  ],
  [
    'a duration that is too short',
    'UpdateRole',
    { MaxSessionDuration: '60' },
    'ValidationError',
    'greater than or equal to 3600',
  ],
  [
    'a path without its slashes',
    'CreateRole',
    { ...create, RoleName: 'x', Path: 'pit' },
    'ValidationError',
    "at 'path'",
  ],
  [
    'no trust policy',
    'CreateRole',
    { RoleName: 'x' },
    'ValidationError',
    "at 'assumeRolePolicyDocument'",
  ],
  [
    'a document that is no JSON',
    'UpdateAssumeRolePolicy',
    { PolicyDocument: '{' },
    'MalformedPolicyDocument',
    'This policy contains invalid Json',
  ],
  [
    'a document without a statement',
    'PutRolePolicy',
    { PolicyName: 'p', PolicyDocument: '{}' },
    'MalformedPolicyDocument',
    'Syntax errors in policy.',
  ],
  [
    'more policies than fit',
    'PutRolePolicy',
    { PolicyName: 'p', PolicyDocument: `{"Statement":"${'x'.repeat(10_240)}"}` },
    'LimitExceeded',
    'Maximum policy size of 10240 bytes exceeded for role r',
  ],
  [
    'a policy that is no ARN',
    'AttachRolePolicy',
    { PolicyArn: 'arn:aws:s3:::bucket/of/mine' },
    'ValidationError',
    "at 'policyArn'",
  ],
  [
    'a key of a tag that cannot be',
    'TagRole',
    { 'Tags.member.1.Key': 'a;b' },
    'ValidationError',
    "at 'tags.1.member.key'",
  ],
])('%s is refused by %s', async (...[, action, fields, code, message]) => {
  const { ofRole, refusal } = await start()
  await ofRole('CreateRole', create)
  const before = await ofRole('GetRole')
  const [, refusedCode, text] = await refusal(action, fields)
  expect(refusedCode).toBe(code)
  expect(text).toContain(message)
  expect(inside(await ofRole('GetRole'), 'Role')).toEqual(inside(before, 'Role'))
})

test('at most 50 tags and 20 managed policies are taken', async () => {
  const { ofRole, refusal } = await start()
  await ofRole('CreateRole', create)
  const tags = Array.from({ length: 50 }, (_, index) => [
    `Tags.member.${index + 1}.Key`,
    `k${index}`,
  ])
  await ofRole('TagRole', Object.fromEntries(tags) as Fields)
  expect((await refusal('TagRole', { 'Tags.member.1.Key': 'more' }))[1]).toBe('LimitExceeded')
  for (let index = 0; index < 20; index += 1) {
    await ofRole('AttachRolePolicy', { PolicyArn: `arn:aws:iam::aws:policy/p${index}` })
  }
  expect((await refusal('AttachRolePolicy', { PolicyArn: basic }))[1]).toBe('LimitExceeded')
})

test('what a crash left of an unfinished write goes with the next one', async () => {
  const { harness, ofRole } = await start()
  const directory = join(harness.dataDir, 'iam', 'roles')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, '.writing-left'), '{')
  expect(inside(await ofRole('ListRoles'), 'RoleName')).toEqual([])
  await ofRole('CreateRole', create)
  expect(await readdir(directory)).toEqual(['_r.json'])
})

test('a role whose file was spoiled is not taken for one that is not there', async () => {
  const { harness, call } = await start()
  const directory = join(harness.dataDir, 'iam', 'roles')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, '_r.json'), '{"format":1,"name":"r"')
  const { status, text } = await call('GetRole', { RoleName: 'r' })
  expect([status, text.includes('_r.json')]).toEqual([500, true])
})
