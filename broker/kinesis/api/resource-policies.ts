// GetResourcePolicy, PutResourcePolicy and DeleteResourcePolicy: kept and given back, and nobody is refused by them.
import { text } from '../../../common/aws/members.ts'
import { policyMaxBytes } from '../../../common/stream-limits.ts'
import { lacking, type StreamRecord } from '../streams/stream-record.ts'
import { invalidArgument, KinesisError } from './kinesis-errors.ts'
import { plainOperation } from './stream-operation.ts'
import { checkResource, resourceOf, type Resource } from './tags.ts'

export const putResourcePolicy = plainOperation({
  members: { ResourceARN: text, Policy: text, StreamId: text },
  check: (violations, { ResourceARN, Policy }) => {
    checkResource(violations, ResourceARN)
    violations.required('policy', Policy)
  },
  handle: async (context, { ResourceARN, Policy: policy = '' }) => {
    if (Buffer.byteLength(policy) > policyMaxBytes) {
      return invalidArgument(`The policy is larger than ${policyMaxBytes} bytes.`)
    }
    if (!isStructure(policy)) return invalidArgument('The policy is not valid JSON.')
    const resource = await resourceOf(context, ResourceARN)
    if (resource instanceof KinesisError) return resource
    await context.catalog.change(resource.stream, (record) => withPolicy(record, resource, policy))
    return undefined
  },
})

export const getResourcePolicy = plainOperation({
  members: { ResourceARN: text, StreamId: text },
  check: (violations, { ResourceARN }) => checkResource(violations, ResourceARN),
  handle: async (context, { ResourceARN }) => {
    const resource = await resourceOf(context, ResourceARN)
    if (resource instanceof KinesisError) return resource
    // AWS answers an empty policy where none was put.
    return { Policy: policyOf(resource) ?? '{}' }
  },
})

export const deleteResourcePolicy = plainOperation({
  members: { ResourceARN: text, StreamId: text },
  check: (violations, { ResourceARN }) => checkResource(violations, ResourceARN),
  handle: async (context, { ResourceARN = '' }) => {
    const resource = await resourceOf(context, ResourceARN)
    if (resource instanceof KinesisError) return resource
    if (policyOf(resource) === undefined) {
      const reason = `There is no policy of ${ResourceARN}.`
      return new KinesisError('ResourceNotFoundException', reason)
    }
    await context.catalog.change(resource.stream, (record) =>
      withPolicy(record, resource, undefined),
    )
    return undefined
  },
})

function policyOf({ stream: { record }, consumer }: Resource): string | undefined {
  if (consumer === undefined) return record.policy
  return record.consumers.find(({ name }) => name === consumer)?.policy
}

function withPolicy(
  record: StreamRecord,
  { consumer }: Resource,
  policy: string | undefined,
): StreamRecord {
  const put = policy === undefined ? {} : { policy }
  if (consumer === undefined) return { ...lacking(record, 'policy'), ...put }
  const consumers = record.consumers.map((each) => {
    if (each.name !== consumer) return each
    const { policy: _, ...rest } = each
    return { ...rest, ...put }
  })
  return { ...record, consumers }
}

function isStructure(policy: string): boolean {
  try {
    const value: unknown = JSON.parse(policy)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}
