// Serves AWS's query protocol: POST / with a form that names its operation, answered in XML.
import { randomUUID } from 'node:crypto'
import { queryRequestMaxBytes } from '../../common/limits.ts'
import { LambdaApiError } from '../lambda/api-errors.ts'
import type { ApiAnswer, Route } from '../lambda/route.ts'
import { QueryError, QueryForm, type QueryService } from './query-service.ts'
import { element, elements } from './xml.ts'

export function queryRoute(services: readonly QueryService[]): Route {
  return {
    operation: 'Unknown',
    method: 'post',
    path: '/',
    bodyMaxBytes: queryRequestMaxBytes,
    handle: async ({ body }) => {
      const fields = new URLSearchParams(Buffer.from(body).toString())
      const action = fields.get('Action')
      if (action === null) {
        return new LambdaApiError('UnknownOperationException', 'There is no operation POST /')
      }
      const service = services.find(({ operations }) => Object.hasOwn(operations, action))
      const operation = service?.operations[action]
      if (service === undefined || operation === undefined) return invalidAction(action)
      const outcome = await operation(new QueryForm(fields))
      const answer = outcome instanceof QueryError ? refusal(outcome) : result(action, outcome)
      return { ...answer(service.xmlns), operation: action }
    },
  }
}

const result =
  (action: string, members: object | undefined) =>
  (xmlns: string): ApiAnswer => {
    const inner = members === undefined ? '' : element(`${action}Result`, members)
    const metadata = element('ResponseMetadata', { RequestId: randomUUID() })
    const name = `${action}Response`
    return xml(200, `<${name} xmlns="${xmlns}">${inner}${metadata}</${name}>`)
  }

const refusal =
  ({ code, message, status }: QueryError) =>
  (xmlns: string): ApiAnswer => {
    const error = { Type: 'Sender', Code: code, Message: message }
    const inner = elements({ Error: error, RequestId: randomUUID() })
    return xml(status, `<ErrorResponse xmlns="${xmlns}">${inner}</ErrorResponse>`)
  }

/** What services of this protocol say of an operation that they do not have. */
function invalidAction(action: string): ApiAnswer {
  const text = `There is no operation ${action.slice(0, 100)} of AWS STS or IAM here.`
  return refusal(new QueryError('InvalidAction', text))('https://sts.amazonaws.com/doc/2011-06-15/')
}

function xml(status: number, body: string): ApiAnswer {
  return { status, body, headers: { 'content-type': 'text/xml' } }
}
