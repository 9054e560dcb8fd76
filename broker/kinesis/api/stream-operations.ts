// The operations that are about streams and shards themselves, by their names on the wire.
import * as account from './account.ts'
import type { Operation } from './operations.ts'
import * as policies from './resource-policies.ts'
import * as resharding from './resharding.ts'
import { listShards } from './shards.ts'
import * as settings from './stream-settings.ts'
import * as streams from './streams.ts'
import * as tags from './tags.ts'

export const streamOperations = {
  AddTagsToStream: tags.addTagsToStream,
  CreateChannel: account.createChannel,
  CreateStream: streams.createStream,
  DecreaseStreamRetentionPeriod: settings.decreaseStreamRetentionPeriod,
  DeleteChannel: account.deleteChannel,
  DeleteResourcePolicy: policies.deleteResourcePolicy,
  DeleteStream: streams.deleteStream,
  DescribeAccountSettings: account.describeAccountSettings,
  DescribeChannel: account.describeChannel,
  DescribeLimits: streams.describeLimits,
  DescribeStream: streams.describeStream,
  DescribeStreamSummary: streams.describeStreamSummary,
  DisableEnhancedMonitoring: settings.disableEnhancedMonitoring,
  EnableEnhancedMonitoring: settings.enableEnhancedMonitoring,
  GetResourcePolicy: policies.getResourcePolicy,
  IncreaseStreamRetentionPeriod: settings.increaseStreamRetentionPeriod,
  ListChannels: account.listChannels,
  ListShards: listShards,
  ListStreams: streams.listStreams,
  ListTagsForResource: tags.listTagsForResource,
  ListTagsForStream: tags.listTagsForStream,
  MergeShards: resharding.mergeShards,
  PutResourcePolicy: policies.putResourcePolicy,
  RemoveTagsFromStream: tags.removeTagsFromStream,
  SplitShard: resharding.splitShard,
  StartStreamEncryption: settings.startStreamEncryption,
  StopStreamEncryption: settings.stopStreamEncryption,
  TagResource: tags.tagResource,
  UntagResource: tags.untagResource,
  UpdateAccountSettings: account.updateAccountSettings,
  UpdateChannel: account.updateChannel,
  UpdateMaxRecordSize: settings.updateMaxRecordSize,
  UpdateShardCount: resharding.updateShardCount,
  UpdateStreamMode: settings.updateStreamMode,
  UpdateStreamRecordDistributionStrategy: settings.updateStreamRecordDistributionStrategy,
  UpdateStreamWarmThroughput: settings.updateStreamWarmThroughput,
} as const satisfies Readonly<Record<string, Operation>>
