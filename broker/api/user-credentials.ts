// DescribeUserScramCredentials (key 50, version 0) and AlterUserScramCredentials (key 51, version 0).
//
// Either all changes of a user are made or none. Answered when they are durable. Users of the operator's file are shown,
// but changed there alone. Without authorization whoever may connect may change users, as in Kafka without an authorizer.
import {
  scramIterationsMax,
  scramIterationsMin,
  usersMax,
  userTextMaxBytes,
} from '../../common/door-limits.ts'
import { AppError } from '../../common/errors.ts'
import type { RequestOf } from '../../protocol/apis.ts'
import type { KafkaErrorName } from '../../protocol/error-codes.ts'
import {
  credentialOf,
  scramMechanismNames,
  scramMechanisms,
  type ScramMechanism,
} from '../auth/scram.ts'
import type { CredentialChange, Users } from '../auth/users.ts'
import type { Handler } from './broker-context.ts'

type Alteration = RequestOf<'AlterUserScramCredentials'>
type Upsertion = Alteration['upsertions'][number]
type Refusal = readonly [KafkaErrorName, message: string]

export const describeUserScramCredentials: Handler<'DescribeUserScramCredentials'> = (
  { users },
  request,
  call,
) => {
  const all = users.all()
  const asked = request.users?.map(({ name }) => name) ?? []
  const names = asked.length === 0 ? [...all.keys()] : [...new Set(asked)]
  const results = names.map((user) => {
    const credentials = all.get(user)
    const isTwice = asked.indexOf(user) !== asked.lastIndexOf(user)
    const [error, errorMessage]: readonly [KafkaErrorName, string | null] = isTwice
      ? ['DUPLICATE_RESOURCE', `${user} is asked for twice.`]
      : credentials === undefined
        ? ['RESOURCE_NOT_FOUND', `${user} has no credential.`]
        : ['NONE', null]
    const credentialInfos = [...(error === 'NONE' ? (credentials ?? []) : [])].map(
      ([mechanism, { iterations }]) => ({
        mechanism: scramMechanisms[mechanism].type,
        iterations,
      }),
    )
    return { user, errorCode: call.code(error), errorMessage, credentialInfos }
  })
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, results }
}

export const alterUserScramCredentials: Handler<'AlterUserScramCredentials'> = async (
  { users, logger },
  request,
  call,
) => {
  const names = [...request.deletions, ...request.upsertions].map(({ name }) => name)
  const results = []
  for (const user of new Set(names)) {
    const refusal = refusalOf(users, user, request) ?? (await change(users, user, request))
    if (refusal === undefined) logger.info('credentials changed', { user })
    const [error, errorMessage] = refusal ?? (['NONE', null] as const)
    results.push({ user, errorCode: call.code(error), errorMessage })
  }
  return { throttleTimeMs: 0, results }
}

async function change(
  users: Users,
  user: string,
  { deletions, upsertions }: Alteration,
): Promise<Refusal | undefined> {
  const changes = [
    ...deletions.filter(({ name }) => name === user).map((each) => changeOf(each, null)),
    ...upsertions.filter(({ name }) => name === user).map((each) => changeOf(each, each)),
  ]
  try {
    await users.change(changes)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    return ['KAFKA_STORAGE_ERROR', error.message]
  }
}

function changeOf(
  { name, mechanism: type }: { name: string; mechanism: number },
  upsertion: Upsertion | null,
): CredentialChange {
  const mechanism = mechanismOf(type) ?? 'SCRAM-SHA-256'
  const credential = upsertion === null ? null : credentialOf(mechanism, upsertion)
  return { user: name, mechanism, credential }
}

/** The first reason why nothing of a user may change. */
function refusalOf(
  users: Users,
  user: string,
  { deletions, upsertions }: Alteration,
): Refusal | undefined {
  const removed = deletions.filter(({ name }) => name === user)
  const added = upsertions.filter(({ name }) => name === user)
  const types = [...removed, ...added].map(({ mechanism }) => mechanism)
  if (user === '') return ['UNACCEPTABLE_CREDENTIAL', 'Username must not be empty.']
  if (Buffer.byteLength(user) > userTextMaxBytes) {
    return ['UNACCEPTABLE_CREDENTIAL', `A user's name takes ${userTextMaxBytes} bytes at most.`]
  }
  if (types.some((type) => mechanismOf(type) === undefined)) {
    return ['UNSUPPORTED_SASL_MECHANISM', 'Unknown SCRAM mechanism.']
  }
  if (new Set(types).size < types.length) {
    return ['DUPLICATE_RESOURCE', 'A user credential cannot be altered twice in the same request.']
  }
  if (users.isOfFile(user)) {
    return ['UNACCEPTABLE_CREDENTIAL', 'The user is kept in the file of users: change it there.']
  }
  const isMissing = ({ mechanism: type }: { mechanism: number }): boolean => {
    const mechanism = mechanismOf(type)
    return mechanism === undefined || users.credential(user, mechanism) === undefined
  }
  if (removed.some(isMissing)) {
    return ['RESOURCE_NOT_FOUND', 'Attempt to delete a user credential that does not exist.']
  }
  const all = users.all()
  if (added.length > 0 && !all.has(user) && all.size >= usersMax) {
    return ['POLICY_VIOLATION', `There are ${usersMax} users already.`]
  }
  const flaw = added.map(flawOf).find((text) => text !== undefined)
  return flaw === undefined ? undefined : ['UNACCEPTABLE_CREDENTIAL', flaw]
}

function flawOf({ mechanism, iterations, salt, saltedPassword }: Upsertion): string | undefined {
  if (iterations < scramIterationsMin) return `Too few iterations: at least ${scramIterationsMin}.`
  if (iterations > scramIterationsMax) return `Too many iterations: at most ${scramIterationsMax}.`
  if (salt.length === 0 || salt.length > userTextMaxBytes) {
    return `The salt must have 1 to ${userTextMaxBytes} bytes.`
  }
  const name = mechanismOf(mechanism)
  const bytes = name === undefined ? -1 : scramMechanisms[name].bytes
  return saltedPassword.length === bytes
    ? undefined
    : `The salted password must have ${bytes} bytes.`
}

function mechanismOf(type: number): ScramMechanism | undefined {
  return scramMechanismNames.find((name) => scramMechanisms[name].type === type)
}
