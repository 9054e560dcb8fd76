// DescribeUserScramCredentials (key 50, version 0) and AlterUserScramCredentials (key 51, version 0).
//
// Either all changes of a user are made or none. Answered when they are durable, all of a request by one write. Users of the operator's file are shown,
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
interface Wish {
  readonly deletions: Alteration['deletions'][number][]
  readonly upsertions: Upsertion[]
}
type Refusal = readonly [KafkaErrorName, message: string]

export const describeUserScramCredentials: Handler<'DescribeUserScramCredentials'> = (
  { users },
  request,
  call,
) => {
  const all = users.all()
  const asked = Map.groupBy(request.users ?? [], ({ name }) => name)
  const names = asked.size === 0 ? all.keys() : asked.keys()
  const results = [...names].map((user) => {
    const credentials = all.get(user)
    const [error, errorMessage]: readonly [KafkaErrorName, string | null] =
      (asked.get(user)?.length ?? 1) > 1
        ? ['DUPLICATE_RESOURCE', `${user} is asked for twice.`]
        : credentials === undefined
          ? ['RESOURCE_NOT_FOUND', `${user} has no credential.`]
          : ['NONE', null]
    const shown = error === 'NONE' && credentials !== undefined ? [...credentials] : []
    const credentialInfos = shown.map(([mechanism, { iterations }]) => ({
      mechanism: scramMechanisms[mechanism].type,
      iterations,
    }))
    return { user, errorCode: call.code(error), errorMessage, credentialInfos }
  })
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, results }
}

export const alterUserScramCredentials: Handler<'AlterUserScramCredentials'> = async (
  { users, logger },
  request,
  call,
) => {
  const wishes = wishesOf(request)
  const refusals = new Map<string, Refusal>()
  let left = usersMax - users.count
  for (const [user, wish] of wishes) {
    const isNew = wish.upsertions.length > 0 && !users.has(user)
    const refusal = refusalOf(users, user, wish) ?? (isNew && left <= 0 ? full : undefined)
    if (refusal !== undefined) refusals.set(user, refusal)
    else if (isNew) left -= 1
  }
  const taken = [...wishes].filter(([user]) => !refusals.has(user))
  const failure = await change(
    users,
    taken.flatMap(([, wish]) => changesOf(wish)),
  )
  for (const [user] of taken) {
    if (failure === undefined) logger.info('credentials changed', { user })
    else refusals.set(user, failure)
  }
  const results = [...wishes.keys()].map((user) => {
    const [error, errorMessage] = refusals.get(user) ?? (['NONE', null] as const)
    return { user, errorCode: call.code(error), errorMessage }
  })
  return { throttleTimeMs: 0, results }
}

const full: Refusal = ['POLICY_VIOLATION', `There are ${usersMax} users already.`]

/** What a request wants of each user, in the order of their names in it. */
function wishesOf({ deletions, upsertions }: Alteration): ReadonlyMap<string, Wish> {
  const wishes = new Map<string, Wish>()
  const wishOf = (name: string): Wish => {
    const wish = wishes.get(name) ?? { deletions: [], upsertions: [] }
    wishes.set(name, wish)
    return wish
  }
  for (const deletion of deletions) wishOf(deletion.name).deletions.push(deletion)
  for (const upsertion of upsertions) wishOf(upsertion.name).upsertions.push(upsertion)
  return wishes
}

async function change(
  users: Users,
  changes: readonly CredentialChange[],
): Promise<Refusal | undefined> {
  try {
    await users.change(changes)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORAGE_FAILED') throw error
    return ['KAFKA_STORAGE_ERROR', error.message]
  }
}

function changesOf({ deletions, upsertions }: Wish): readonly CredentialChange[] {
  return [
    ...deletions.map((deletion) => changeOf(deletion, null)),
    ...upsertions.map((upsertion) => changeOf(upsertion, upsertion)),
  ]
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
  { deletions: removed, upsertions: added }: Wish,
): Refusal | undefined {
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
