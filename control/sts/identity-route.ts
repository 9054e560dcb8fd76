// Answers GetCallerIdentity, AWS STS's word for "who am I": whoever asks is the account here.
import { randomUUID } from 'node:crypto'
import { identityRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError } from '../lambda/api-errors.ts'
import type { Account } from '../lambda/function-name.ts'
import type { ApiAnswer, Route } from '../lambda/route.ts'

const xmlns = 'https://sts.amazonaws.com/doc/2011-06-15/'

/** AWS's query protocol: a form in, XML out. */
export function identityRoute({ accountId }: Pick<Account, 'accountId'>): Route {
  return {
    operation: 'GetCallerIdentity',
    method: 'post',
    path: '/',
    bodyMaxBytes: identityRequestMaxBytes,
    handle: (request) => {
      const form = new URLSearchParams(Buffer.from(request.body).toString())
      const action = form.get('Action')
      if (action === 'GetCallerIdentity') return identity(accountId)
      if (action !== null) return invalidAction(action)
      return new LambdaApiError('UnknownOperationException', 'There is no operation POST /')
    },
  }
}

/** As AWS has it for an account's own credentials. */
function identity(accountId: string): ApiAnswer {
  return xml(
    200,
    `<GetCallerIdentityResponse xmlns="${xmlns}"><GetCallerIdentityResult>` +
      `<Arn>arn:aws:iam::${accountId}:root</Arn>` +
      `<UserId>${accountId}</UserId><Account>${accountId}</Account></GetCallerIdentityResult>` +
      `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata>` +
      `</GetCallerIdentityResponse>`,
  )
}

/** What services of this protocol say of an operation that they do not have. */
function invalidAction(action: string): ApiAnswer {
  const text = `There is no operation ${action.slice(0, 100)}: of the APIs with forms, GetCallerIdentity alone is served.`
  return xml(
    400,
    `<ErrorResponse xmlns="${xmlns}"><Error><Type>Sender</Type><Code>InvalidAction</Code>` +
      `<Message>${escaped(text)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
  )
}

function xml(status: number, body: string): ApiAnswer {
  return { status, body, headers: { 'content-type': 'text/xml' } }
}

/** Nothing but what XML can hold. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^ -~]/g, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}
