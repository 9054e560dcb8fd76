// The Kafka APIs that are spoken, by name and by key, and the types of their messages.
import type { Api } from './api.ts'
import type { ReadOf, WriteOf } from './fields.ts'
import { alterConfigs } from './messages/alter-configs.ts'
import { alterUserScramCredentials } from './messages/alter-user-scram-credentials.ts'
import { addOffsetsToTxn } from './messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './messages/add-partitions-to-txn.ts'
import { apiVersions } from './messages/api-versions.ts'
import { createPartitions } from './messages/create-partitions.ts'
import { createTopics } from './messages/create-topics.ts'
import { deleteGroups } from './messages/delete-groups.ts'
import { deleteRecords } from './messages/delete-records.ts'
import { deleteTopics } from './messages/delete-topics.ts'
import { describeCluster } from './messages/describe-cluster.ts'
import { describeConfigs } from './messages/describe-configs.ts'
import { describeGroups } from './messages/describe-groups.ts'
import { describeLogDirs } from './messages/describe-log-dirs.ts'
import { describeTopicPartitions } from './messages/describe-topic-partitions.ts'
import { electLeaders } from './messages/elect-leaders.ts'
import { describeUserScramCredentials } from './messages/describe-user-scram-credentials.ts'
import { describeProducers } from './messages/describe-producers.ts'
import { describeTransactions } from './messages/describe-transactions.ts'
import { endTxn } from './messages/end-txn.ts'
import { fetch } from './messages/fetch.ts'
import { findCoordinator } from './messages/find-coordinator.ts'
import { heartbeat } from './messages/heartbeat.ts'
import { incrementalAlterConfigs } from './messages/incremental-alter-configs.ts'
import { initProducerId } from './messages/init-producer-id.ts'
import { joinGroup } from './messages/join-group.ts'
import { leaveGroup } from './messages/leave-group.ts'
import { listGroups } from './messages/list-groups.ts'
import { listOffsets } from './messages/list-offsets.ts'
import { listTransactions } from './messages/list-transactions.ts'
import { metadata } from './messages/metadata.ts'
import { offsetCommit } from './messages/offset-commit.ts'
import { offsetDelete } from './messages/offset-delete.ts'
import { offsetFetch } from './messages/offset-fetch.ts'
import { offsetForLeaderEpoch } from './messages/offset-for-leader-epoch.ts'
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from './messages/partition-reassignments.ts'
import { produce } from './messages/produce.ts'
import { saslAuthenticate } from './messages/sasl-authenticate.ts'
import { saslHandshake } from './messages/sasl-handshake.ts'
import { syncGroup } from './messages/sync-group.ts'
import { txnOffsetCommit } from './messages/txn-offset-commit.ts'

export const apis = {
  Produce: produce,
  Fetch: fetch,
  ListOffsets: listOffsets,
  Metadata: metadata,
  OffsetCommit: offsetCommit,
  OffsetFetch: offsetFetch,
  FindCoordinator: findCoordinator,
  JoinGroup: joinGroup,
  Heartbeat: heartbeat,
  LeaveGroup: leaveGroup,
  SyncGroup: syncGroup,
  DescribeGroups: describeGroups,
  ListGroups: listGroups,
  SaslHandshake: saslHandshake,
  ApiVersions: apiVersions,
  CreateTopics: createTopics,
  DeleteTopics: deleteTopics,
  DeleteRecords: deleteRecords,
  OffsetForLeaderEpoch: offsetForLeaderEpoch,
  DescribeConfigs: describeConfigs,
  AlterConfigs: alterConfigs,
  InitProducerId: initProducerId,
  DescribeLogDirs: describeLogDirs,
  SaslAuthenticate: saslAuthenticate,
  AddPartitionsToTxn: addPartitionsToTxn,
  AddOffsetsToTxn: addOffsetsToTxn,
  EndTxn: endTxn,
  TxnOffsetCommit: txnOffsetCommit,
  DescribeProducers: describeProducers,
  DescribeTransactions: describeTransactions,
  ListTransactions: listTransactions,
  CreatePartitions: createPartitions,
  DeleteGroups: deleteGroups,
  ElectLeaders: electLeaders,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  AlterPartitionReassignments: alterPartitionReassignments,
  ListPartitionReassignments: listPartitionReassignments,
  OffsetDelete: offsetDelete,
  DescribeCluster: describeCluster,
  DescribeTopicPartitions: describeTopicPartitions,
  DescribeUserScramCredentials: describeUserScramCredentials,
  AlterUserScramCredentials: alterUserScramCredentials,
} as const satisfies { readonly [Name in string]: Api<Name> }

type Apis = typeof apis
export type ApiName = keyof Apis

/** A request as the server reads it: every field is there, absent ones with their default. */
export type RequestOf<Name extends ApiName> = ReadOf<Apis[Name]['request']>
/** A response as the server writes it: fields that have a default may be left out. */
export type ResponseOf<Name extends ApiName> = WriteOf<Apis[Name]['response']>
/** A request as a client writes it: fields that have a default may be left out. */
export type RequestToSend<Name extends ApiName> = WriteOf<Apis[Name]['request']>
/** A response as a client reads it: every field is there, absent ones with their default. */
export type ReceivedResponse<Name extends ApiName> = ReadOf<Apis[Name]['response']>

const byKey: ReadonlyMap<number, Apis[ApiName]> = new Map(
  Object.values(apis).map((api) => [api.key, api]),
)

/** The table of an API key; undefined where it is not spoken. */
export function apiByKey(key: number): Apis[ApiName] | undefined {
  return byKey.get(key)
}
