// One request to a schema registry and its answer, bounded in time and size.
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { tlsOptions, type BrokerAccess } from '../../common/broker-access.ts'
import { schemaAnswerMaxBytes, schemaRequestTimeoutMs } from '../../common/schema-limits.ts'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

export interface HttpQuestion {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly access?: BrokerAccess
  /** Posted, where there is one. */
  readonly body?: Buffer
}

/** Look-ups are rare, so each has a connection of its own. Rejects with whatever went wrong. */
export function httpAnswer(
  { url, headers, access: { sasl, tls } = {}, body }: HttpQuestion,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const options: RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(schemaRequestTimeoutMs)]),
    ...(sasl === undefined ? {} : { auth: `${sasl.username}:${sasl.password}` }),
    ...(tls === undefined ? {} : tlsOptions(tls)),
  }
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    request(url, options, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
      .on('error', reject)
      .end(body)
  })
}

/** The members of an answer; none where it is no JSON object. */
export function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return {}
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let sizeBytes = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    sizeBytes += part.length
    if (sizeBytes > schemaAnswerMaxBytes) {
      throw new Error(`its answer is larger than ${schemaAnswerMaxBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
