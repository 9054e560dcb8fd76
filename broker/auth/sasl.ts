// The server's side of a login: one exchange per attempt, for each mechanism that is spoken.
import { randomBytes } from 'node:crypto'
import {
  absentCredential,
  parseClientFirst,
  scramMechanismNames,
  ScramServer,
  type ScramMechanism,
} from './scram.ts'
import type { Users } from './users.ts'

export const saslMechanisms = ['PLAIN', ...scramMechanismNames] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

export type SaslStep =
  | { readonly kind: 'continue'; readonly token: Buffer }
  | { readonly kind: 'done'; readonly token: Buffer; readonly user: string }
  /** `message` is for the client, `user` for the log, where it is known. */
  | { readonly kind: 'failed'; readonly message: string; readonly user: string }

export interface SaslExchange {
  /** Takes the client's next token. After `done` or `failed` the exchange is over. */
  step(token: Buffer): Promise<SaslStep>
}

export function isSaslMechanism(name: string): name is SaslMechanism {
  return (saslMechanisms as readonly string[]).includes(name)
}

export function startExchange(mechanism: SaslMechanism, users: Users): SaslExchange {
  return mechanism === 'PLAIN' ? plainExchange(users) : scramExchange(mechanism, users)
}

/** RFC 4616: authorization id, user and password, with a zero byte between them. */
function plainExchange(users: Users): SaslExchange {
  return {
    async step(token) {
      const [authorizationId = '', user = '', password = '', ...rest] = token
        .toString('utf8')
        .split('\0')
      const fail = (reason: string): SaslStep => {
        return { kind: 'failed', message: `Authentication failed: ${reason}`, user }
      }
      if (rest.length > 0 || user === '' || password === '') {
        return fail('Invalid SASL/PLAIN response: user and password are expected')
      }
      const isRight = await users.verify(user, password)
      if (isRight === undefined) return fail('Too many logins at once')
      if (!isRight) return fail('Invalid username or password')
      if (authorizationId !== '' && authorizationId !== user) {
        return fail('Client requested an authorization id that is different from username')
      }
      return { kind: 'done', token: Buffer.alloc(0), user }
    },
  }
}

function scramExchange(mechanism: ScramMechanism, users: Users): SaslExchange {
  let user = ''
  let server: ScramServer | undefined
  // Kafka's words: they say nothing of what was wrong.
  const message = `Authentication failed during authentication due to invalid credentials with SASL mechanism ${mechanism}`
  const failed = (): SaslStep => ({ kind: 'failed', message, user })
  const answer = (text: string): SaslStep => {
    if (server !== undefined) {
      const last = server.finish(text)
      return last === undefined ? failed() : { kind: 'done', token: Buffer.from(last), user }
    }
    const first = parseClientFirst(text)
    if (first === undefined) return failed()
    user = first.user
    if (first.authorizationId !== '' && first.authorizationId !== user) return failed()
    const credential = users.credential(user, mechanism) ?? absentCredential(mechanism, user)
    const serverNonce = randomBytes(18).toString('base64')
    server = new ScramServer(mechanism, credential, { first, serverNonce })
    return { kind: 'continue', token: Buffer.from(server.firstMessage) }
  }
  return { step: (token) => Promise.resolve(answer(token.toString('utf8'))) }
}
