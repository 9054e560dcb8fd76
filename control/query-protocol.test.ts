// Tests AWS's query protocol at the AWS door: GetCallerIdentity, what is refused, and how XML holds it.
import { expect, test } from 'vitest'
import { startControlForTest } from '../test/support/control-harness.ts'

async function post(body: string | URLSearchParams) {
  const { url } = await startControlForTest()
  const response = await fetch(url, { method: 'POST', body })
  return { response, text: await response.text() }
}

const form = (Action: string) => new URLSearchParams({ Action, Version: '2011-06-15' })

test('whoever asks who they are is told that they are the account', async () => {
  const { response, text } = await post(form('GetCallerIdentity'))
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/xml'])
  expect(text).toMatch(
    /^<GetCallerIdentityResponse xmlns="https:\/\/sts.amazonaws.com\/doc\/2011-06-15\/"><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root<\/Arn><UserId>000000000000<\/UserId><Account>000000000000<\/Account><\/GetCallerIdentityResult><ResponseMetadata><RequestId>[0-9a-f-]{36}<\/RequestId><\/ResponseMetadata><\/GetCallerIdentityResponse>$/,
  )
})

test('another operation of such an API is refused by its name, in XML that holds', async () => {
  const { response, text } = await post(form('Create<Role>&\u0000'))
  expect(response.status).toBe(400)
  expect(text).toContain('<Code>InvalidAction</Code>')
  expect(text).toContain('There is no operation Create&lt;Role&gt;&amp;? of AWS STS or IAM here.')
})

test('what is no form is an operation that there is not', async () => {
  const { response } = await post('{}')
  expect(response.headers.get('x-amzn-errortype')).toBe('UnknownOperationException')
})

test('a form that is too long is refused before it is read', async () => {
  const { response } = await post(`Action=${'x'.repeat(140_000)}`)
  expect(response.headers.get('x-amzn-errortype')).toBe('RequestTooLargeException')
})
