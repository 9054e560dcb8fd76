// Creates, changes and deletes log groups and log streams, and keeps their retention and tags.
import type { Clock } from '../../common/clock.ts'
import { logGroupsMax, logTagsMax } from '../../common/log-limits.ts'
import {
  makeGroup,
  removeGroup,
  writeFacts,
  type GroupFacts,
} from '../../function-logs/group-folder.ts'
import type { LogReader } from '../../function-logs/log-reader.ts'
import type { LogWriter } from '../../function-logs/log-writer.ts'
import { JsonApiError, type JsonOutcome } from '../json/json-service.ts'
import { Serial } from '../lambda/serial.ts'
import { Violations } from '../../common/aws/validation.ts'
import { groupNotFound, invalidParameter, streamNotFound, violationsOf } from './log-errors.ts'
import {
  checkStreamName,
  groupOfIdentifier,
  logGroupClasses,
  requestedGroup,
  standardClass,
} from './log-names.ts'
import type {
  CreateLogGroupInput,
  GroupInput,
  KeyInput,
  ProtectionInput,
  PutRetentionPolicyInput,
  ResourceInput,
  StreamInput,
  TagResourceInput,
  UntagResourceInput,
} from './log-requests.ts'
import { writtenStream } from './written-stream.ts'

export interface LogGroupsOptions {
  readonly root: string
  readonly reader: LogReader
  readonly writer: LogWriter
  readonly clock: Clock
}

/** CloudWatch Logs: the only values of retentionInDays. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
  3653,
]
/** CloudWatch Logs: of the id or ARN of a key. */
const keyMaxLength = 256

/** One change at a time. Methods reject with AppError STORAGE_FAILED alone. */
export class LogGroups {
  readonly #options: LogGroupsOptions
  readonly #changes = new Serial()

  constructor(options: LogGroupsOptions) {
    this.#options = options
  }

  create(input: CreateLogGroupInput): Promise<JsonOutcome> {
    const { root, reader, clock } = this.#options
    return this.#changes.run(async () => {
      const violations = new Violations()
      violations.oneOf('logGroupClass', input.logGroupClass, logGroupClasses)
      violations.length('kmsKeyId', input.kmsKeyId, [0, keyMaxLength])
      const name = requestedGroup(input, violations)
      if (name instanceof JsonApiError) return name
      const tags = checkTags(input.tags ?? {})
      if (tags !== undefined) return tags
      if ((await reader.groups()).length >= logGroupsMax) {
        return new JsonApiError('LimitExceededException', 'Resource limit exceeded.')
      }
      const isNew = await makeGroup(root, { name, createdMs: clock.now(), ...factsOf(input) })
      return isNew ? undefined : alreadyExists('group')
    })
  }

  delete(input: GroupInput): Promise<JsonOutcome> {
    const { root, writer } = this.#options
    return this.#change(input, async ({ name, isProtected }) => {
      // No recording seen of AWS's text.
      if (isProtected === true) {
        const text = `Log group ${name} cannot be deleted while its deletion protection is enabled.`
        return new JsonApiError('ValidationException', text)
      }
      await removeGroup(root, name)
      await writer.group(name).leaveChunk()
      return undefined
    })
  }

  createStream(input: StreamInput): Promise<JsonOutcome> {
    const { reader, writer, clock } = this.#options
    return this.#change(input, async ({ name }) => {
      const stream = requestedStream(input)
      if (stream instanceof JsonApiError) return stream
      if (await hasStream(reader, name, stream)) return alreadyExists('stream')
      writer.group(name).declare(writtenStream(stream, clock.now()))
      await writer.flush()
      return undefined
    })
  }

  deleteStream(input: StreamInput): Promise<JsonOutcome> {
    const { reader, writer } = this.#options
    return this.#change(input, async ({ name }) => {
      const stream = requestedStream(input)
      if (stream instanceof JsonApiError) return stream
      if (!(await hasStream(reader, name, stream))) return streamNotFound
      writer.group(name).deleteStream(stream)
      await writer.flush()
      return undefined
    })
  }

  putRetention(input: PutRetentionPolicyInput): Promise<JsonOutcome> {
    return this.#change(input, async (facts) => {
      const days = input.retentionInDays
      const violations = new Violations()
      violations.required('retentionInDays', days)
      const refused = violationsOf(violations)
      if (refused !== undefined) return refused
      if (days === undefined || !retentionDays.includes(days)) {
        const values = retentionDays.join(', ')
        return invalidParameter(
          `1 validation error detected: Value '${days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: [${values}]`,
        )
      }
      await writeFacts(this.#options.root, { ...facts, retentionDays: days })
      return undefined
    })
  }

  deleteRetention(input: GroupInput): Promise<JsonOutcome> {
    return this.#change(input, async ({ retentionDays: _days, ...facts }) => {
      await writeFacts(this.#options.root, facts)
      return undefined
    })
  }

  associateKey(input: KeyInput): Promise<JsonOutcome> {
    return this.#change(groupOfKey(input), async (facts) => {
      const { kmsKeyId = '' } = input
      const violations = new Violations()
      violations.required('kmsKeyId', input.kmsKeyId)
      violations.length('kmsKeyId', input.kmsKeyId, [0, keyMaxLength])
      const refused = violationsOf(violations)
      if (refused !== undefined) return refused
      await writeFacts(this.#options.root, { ...facts, kmsKeyId })
      return undefined
    })
  }

  disassociateKey(input: KeyInput): Promise<JsonOutcome> {
    return this.#change(groupOfKey(input), async ({ kmsKeyId: _key, ...facts }) => {
      await writeFacts(this.#options.root, facts)
      return undefined
    })
  }

  protect(input: ProtectionInput): Promise<JsonOutcome> {
    return this.#change(input, async (facts) => {
      const { deletionProtectionEnabled: isProtected } = input
      const violations = new Violations()
      violations.required('deletionProtectionEnabled', isProtected)
      const refused = violationsOf(violations)
      if (refused !== undefined || isProtected === undefined) return refused
      await writeFacts(this.#options.root, { ...facts, isProtected })
      return undefined
    })
  }

  listTags(input: ResourceInput): Promise<JsonOutcome> {
    return this.#change(groupOfResource(input), async ({ tags = {} }) => ({ tags }))
  }

  tag(input: TagResourceInput): Promise<JsonOutcome> {
    return this.#change(groupOfResource(input), async (facts) => {
      const tags = { ...facts.tags, ...input.tags }
      const refused = checkTags(tags)
      if (refused !== undefined) return refused
      await writeFacts(this.#options.root, { ...facts, tags })
      return undefined
    })
  }

  untag(input: UntagResourceInput): Promise<JsonOutcome> {
    return this.#change(groupOfResource(input), async (facts) => {
      const gone = new Set(input.tagKeys)
      const kept = Object.entries(facts.tags ?? {}).filter(([key]) => !gone.has(key))
      await writeFacts(this.#options.root, { ...facts, tags: Object.fromEntries(kept) })
      return undefined
    })
  }

  #change(
    input: GroupInput & { readonly logGroupIdentifier?: string },
    change: (facts: GroupFacts) => Promise<JsonOutcome>,
  ): Promise<JsonOutcome> {
    return this.#changes.run(async () => {
      const name = requestedGroup(input)
      if (name instanceof JsonApiError) return name
      const facts = await this.#options.reader.group(name)
      return facts === undefined ? groupNotFound : change(facts)
    })
  }
}

export async function hasStream(reader: LogReader, group: string, name: string): Promise<boolean> {
  return (await reader.streams(group)).some((stream) => stream.name === name)
}

export function requestedStream({ logStreamName }: StreamInput): string | JsonApiError {
  const violations = new Violations()
  violations.required('logStreamName', logStreamName)
  checkStreamName(violations, logStreamName)
  return violationsOf(violations) ?? logStreamName ?? ''
}

/** What a new group is told beside its name. */
function factsOf(input: CreateLogGroupInput): Partial<GroupFacts> {
  const { tags, logGroupClass: groupClass = standardClass, kmsKeyId } = input
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(groupClass === standardClass ? {} : { groupClass }),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    ...(input.deletionProtectionEnabled === true ? { isProtected: true } : {}),
  }
}

/** A key is for a group by its name or ARN; results of queries, which AWS has as well, there are none. */
function groupOfKey({ logGroupName, resourceIdentifier }: KeyInput): GroupInput {
  const name = logGroupName ?? groupOfIdentifier(resourceIdentifier)
  return name === undefined ? {} : { logGroupName: name }
}

function groupOfResource({ resourceArn }: ResourceInput): GroupInput {
  const logGroupName = groupOfIdentifier(resourceArn)
  return logGroupName === undefined ? {} : { logGroupName }
}

function checkTags(tags: Readonly<Record<string, string>>): JsonApiError | undefined {
  const violations = new Violations()
  for (const [key, value] of Object.entries(tags)) {
    violations.length('tags', key, [1, 128])
    violations.length('tags', value, [0, 256])
  }
  if (Object.keys(tags).length > logTagsMax) {
    return new JsonApiError('TooManyTagsException', `A log group has at most ${logTagsMax} tags.`)
  }
  return violationsOf(violations)
}

function alreadyExists(what: 'group' | 'stream'): JsonApiError {
  const text = `The specified log ${what} already exists`
  return new JsonApiError('ResourceAlreadyExistsException', text)
}
