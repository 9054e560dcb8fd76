// Tags of streams, by the operations for streams and by those for any resource: consumers have them too.
import { list, map, text, whole } from '../../../common/aws/members.ts'
import type { Violations } from '../../../common/aws/validation.ts'
import type { StreamCatalog } from '../streams/stream-catalog.ts'
import type { StreamRecord } from '../streams/stream-record.ts'
import type { Stream } from '../streams/stream.ts'
import type { KinesisContext } from './kinesis-context.ts'
import { KinesisError, type Outcome } from './kinesis-errors.ts'
import { plainOperation, streamOf, streamOperation } from './stream-operation.ts'
import { consumerArn } from './stream-shapes.ts'
import { checkTagKeys, checkTags, tagsFlaw, without, type Tags } from './tag-rules.ts'

const tagsMembers = { Tags: map(text) }

export const addTagsToStream = streamOperation({
  members: tagsMembers,
  check: (violations, input) => checkTags(violations, input.Tags),
  handle: async ({ catalog }, stream, { Tags: added = {} }) =>
    add(catalog, { stream, consumer: undefined }, added),
})

const tagKeysMembers = { TagKeys: list(text) }

export const removeTagsFromStream = streamOperation({
  members: tagKeysMembers,
  check: (violations, input) => checkTagKeys(violations, input.TagKeys),
  handle: async ({ catalog }, stream, { TagKeys = [] }) =>
    remove(catalog, { stream, consumer: undefined }, TagKeys),
})

export const listTagsForStream = streamOperation({
  members: { ExclusiveStartTagKey: text, Limit: whole },
  check: (violations, { ExclusiveStartTagKey, Limit }) => {
    violations.length('exclusiveStartTagKey', ExclusiveStartTagKey, [1, 128])
    violations.range('limit', Limit, [1, 50])
  },
  handle: (_, { record }, { ExclusiveStartTagKey: after = '', Limit = 50 }) => {
    const rest = sorted(record.tags).filter(([key]) => key > after)
    return { Tags: rest.slice(0, Limit).map(shape), HasMoreTags: rest.length > Limit }
  },
})

const resourceArnPattern = 'arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+'

export function checkResource(violations: Violations, arn: string | undefined): void {
  violations.required('resourceARN', arn)
  violations.length('resourceARN', arn, [1, 2048])
  violations.pattern('resourceARN', arn, resourceArnPattern)
}

/** A stream, or a consumer of one by its name. */
export interface Resource {
  readonly stream: Stream
  readonly consumer: string | undefined
}

/** Of an ARN that was checked. */
export async function resourceOf(context: KinesisContext, arn = ''): Promise<Outcome<Resource>> {
  const [StreamARN = '', rest] = arn.split('/consumer/', 2)
  const stream = await streamOf(context, { StreamARN })
  if (stream instanceof KinesisError || rest === undefined) {
    return stream instanceof KinesisError ? stream : { stream, consumer: undefined }
  }
  const consumer = stream.record.consumers.find(
    (each) => consumerArn(context, stream.name, each) === arn,
  )
  if (consumer !== undefined) return { stream, consumer: consumer.name }
  return new KinesisError('ResourceNotFoundException', `Consumer ${arn} not found.`)
}

const tagResourceMembers = { ResourceARN: text, Tags: map(text) }

export const tagResource = plainOperation({
  members: tagResourceMembers,
  check: (violations, { ResourceARN, Tags }) => {
    checkResource(violations, ResourceARN)
    checkTags(violations, Tags)
  },
  handle: async (context, { ResourceARN, Tags: added = {} }) => {
    const resource = await resourceOf(context, ResourceARN)
    return resource instanceof KinesisError ? resource : add(context.catalog, resource, added)
  },
})

const untagResourceMembers = { ResourceARN: text, TagKeys: list(text) }

export const untagResource = plainOperation({
  members: untagResourceMembers,
  check: (violations, { ResourceARN, TagKeys }) => {
    checkResource(violations, ResourceARN)
    checkTagKeys(violations, TagKeys)
  },
  handle: async (context, { ResourceARN, TagKeys = [] }) => {
    const resource = await resourceOf(context, ResourceARN)
    return resource instanceof KinesisError ? resource : remove(context.catalog, resource, TagKeys)
  },
})

export const listTagsForResource = plainOperation({
  members: { ResourceARN: text },
  check: (violations, { ResourceARN }) => checkResource(violations, ResourceARN),
  handle: async (context, { ResourceARN }) => {
    const resource = await resourceOf(context, ResourceARN)
    if (resource instanceof KinesisError) return resource
    return { Tags: sorted(tagsOf(resource.stream.record, resource.consumer)).map(shape) }
  },
})

async function add(
  catalog: StreamCatalog,
  { stream, consumer }: Resource,
  added: Tags,
): Promise<KinesisError | undefined> {
  let flaw: KinesisError | undefined
  await catalog.change(stream, (record) => {
    const present = tagsOf(record, consumer)
    flaw = tagsFlaw(present, added)
    return flaw === undefined ? withTags(record, consumer, { ...present, ...added }) : record
  })
  return flaw
}

async function remove(
  catalog: StreamCatalog,
  { stream, consumer }: Resource,
  keys: readonly string[],
): Promise<undefined> {
  await catalog.change(stream, (record) =>
    withTags(record, consumer, without(tagsOf(record, consumer), keys)),
  )
}

function tagsOf({ tags, consumers }: StreamRecord, consumer: string | undefined): Tags {
  if (consumer === undefined) return tags
  return consumers.find(({ name }) => name === consumer)?.tags ?? {}
}

function withTags(record: StreamRecord, consumer: string | undefined, tags: Tags): StreamRecord {
  if (consumer === undefined) return { ...record, tags }
  const consumers = record.consumers.map((each) =>
    each.name === consumer ? { ...each, tags } : each,
  )
  return { ...record, consumers }
}

function sorted(tags: Tags): readonly (readonly [string, string])[] {
  return Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function shape([Key, Value]: readonly [string, string]): object {
  return { Key, Value }
}
