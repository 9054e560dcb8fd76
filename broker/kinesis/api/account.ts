// Settings of the account, and what of Kinesis has no meaning on one's own machine: channels that AWS delivers by.
import { anything, structure, text } from '../../../common/aws/members.ts'
import { commitmentStatus, earliestEndMs, type Commitment } from '../streams/account-settings.ts'
import { KinesisError } from './kinesis-errors.ts'
import type { Operation } from './operations.ts'
import { plainOperation } from './stream-operation.ts'

/** Nobody bills here; what AWS allows for a commitment is allowed: more consumers of streams on demand. */
export const describeAccountSettings = plainOperation({
  members: {},
  handle: ({ catalog, clock }) => settingsShape(catalog.account.commitment, clock.now()),
})

const settingsMembers = { MinimumThroughputBillingCommitment: structure({ Status: text }) }

export const updateAccountSettings = plainOperation({
  members: settingsMembers,
  check: (violations, { MinimumThroughputBillingCommitment: commitment }) => {
    violations.required('minimumThroughputBillingCommitment', commitment)
    const name = 'minimumThroughputBillingCommitment.status'
    if (commitment !== undefined) violations.required(name, commitment.Status)
    violations.oneOf(name, commitment?.Status, ['ENABLED', 'DISABLED'])
  },
  handle: async ({ catalog, clock }, { MinimumThroughputBillingCommitment: commitment }) => {
    const nowMs = clock.now()
    const wanted = commitment?.Status === 'ENABLED' ? 'ENABLED' : 'DISABLED'
    return settingsShape(await catalog.account.change(wanted, nowMs), nowMs)
  },
})

function settingsShape(commitment: Commitment, nowMs: number): object {
  const { startedMs, endMs } = commitment
  const Status = commitmentStatus(commitment, nowMs)
  if (startedMs === undefined) return { MinimumThroughputBillingCommitment: { Status } }
  const isOver = Status === 'DISABLED'
  return {
    MinimumThroughputBillingCommitment: {
      Status,
      StartedAt: new Date(startedMs),
      EndedAt: isOver && endMs !== undefined ? new Date(endMs) : undefined,
      EarliestAllowedEndAt: isOver ? undefined : new Date(earliestEndMs(startedMs)),
    },
  }
}

const noChannels = (operation: string): Operation =>
  plainOperation({
    members: { ChannelARN: text, ChannelName: text, StreamConfigurationList: anything },
    handle: () =>
      new KinesisError(
        'InvalidArgumentException',
        `${operation} is not available: channels are AWS's own delivery to S3. Here a mapping with the bundled archive function does that.`,
      ),
  })

export const createChannel = noChannels('CreateChannel')
export const updateChannel = noChannels('UpdateChannel')

const noChannel = plainOperation({
  members: { ChannelARN: text },
  check: (violations, { ChannelARN }) => {
    violations.required('channelARN', ChannelARN)
    violations.pattern('channelARN', ChannelARN, 'arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+')
    violations.length('channelARN', ChannelARN, [1, 2048])
  },
  handle: (_, { ChannelARN }) =>
    new KinesisError('ResourceNotFoundException', `Channel ${ChannelARN} not found.`),
})

export const describeChannel = noChannel
export const deleteChannel = noChannel

export const listChannels = plainOperation({
  members: {},
  handle: () => ({ ChannelSummaries: [] }),
})
