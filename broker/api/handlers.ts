// The table of APIs and their handlers, and the one way from a request's frame to its response's.
import { errorCodes, type KafkaErrorName } from '../../protocol/error-codes.ts'
import type { ApiName, ResponseOf } from '../../protocol/apis.ts'
import { apiByKey, apis } from '../../protocol/apis.ts'
import {
  encodeResponse,
  parseRequest,
  type KafkaRequest,
  type RequestRefusal,
} from '../../protocol/request.ts'
import { alterConfigs, incrementalAlterConfigs } from './alter-configs.ts'
import { apiVersions, unsupportedApiVersions } from './api-versions.ts'
import type { BrokerContext, Call, Handler } from './broker-context.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteRecords } from './delete-records.ts'
import { deleteTopics } from './delete-topics.ts'
import { describeConfigs } from './describe-configs.ts'
import { describeCluster } from './describe-cluster.ts'
import { describeLogDirs } from './describe-log-dirs.ts'
import { describeTopicPartitions } from './describe-topic-partitions.ts'
import { fetch } from './fetch.ts'
import { findCoordinator } from './find-coordinator.ts'
import { describeGroups, listGroups } from './group-listing.ts'
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './group-membership.ts'
import { deleteGroups, offsetDelete } from './group-removal.ts'
import { offsetCommit, offsetFetch } from './group-offsets.ts'
import { initProducerId } from './init-producer-id.ts'
import { offsetForLeaderEpoch } from './leader-epoch.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { produce } from './produce.ts'
import {
  alterPartitionReassignments,
  electLeaders,
  listPartitionReassignments,
} from './replicas.ts'
import { saslAuthenticate, saslHandshake } from './sasl-handshake.ts'
import { alterUserScramCredentials, describeUserScramCredentials } from './user-credentials.ts'
import { describeProducers, describeTransactions, listTransactions } from './transaction-listing.ts'
import { addOffsetsToTxn, addPartitionsToTxn, endTxn } from './transactions.ts'
import { txnOffsetCommit } from './txn-offset-commit.ts'
import { refusedJoin, refusedSync } from '../groups/membership.ts'

const handlers: { readonly [Name in ApiName]: Handler<Name> } = {
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
}

/** What the server knows of whoever sent a frame. */
export type Caller = Pick<Call, 'clientHost' | 'advertised' | 'signal'>

/**
 * Null where the protocol wants no response; a text where the connection is to be closed, and why, after a
 * last answer if there is one.
 */
export type Reply =
  | readonly Buffer[]
  | null
  | { readonly close: string; readonly last?: readonly Buffer[] }

/**
 * Answers a frame. What the handler does before its first wait is done when this returns, so calls in a
 * row keep their order. Rejects with AppError where the machine fails.
 */
export function answer(broker: BrokerContext, frame: Buffer, caller: Caller): Promise<Reply> {
  const request = parseRequest(frame)
  return request.ok ? run(broker, request, caller) : Promise.resolve(refuse(request))
}

/** Whether the response may be so large that no second one should be made beside it. */
export function isBulky(frame: Buffer): boolean {
  return frame.length >= 2 && frame.readInt16BE(0) === apis.Fetch.key
}

/** Whether nothing keeps parts of the request beyond its answer, but the log, which says so (`hold`). */
export function isPassing(frame: Buffer): boolean {
  return frame.length >= 2 && frame.readInt16BE(0) === apis.Produce.key
}

async function run<Name extends ApiName>(
  broker: BrokerContext,
  request: KafkaRequest<Name>,
  caller: Caller,
): Promise<Reply> {
  const { api, version, correlationId, clientId } = request
  const { counters, clock } = broker
  const startedMs = clock.now()
  const code = (error: KafkaErrorName): number => {
    if (error !== 'NONE') counters.failed(api, error)
    return errorCodes[error]
  }
  const call: Call = { ...caller, version, clientId: clientId ?? '', code }
  const handler = handlers[api] as Handler<Name>
  const response = await handler(broker, request.body, call)
  counters.requested(api, (clock.now() - startedMs) / 1000)
  if (response === null) return null
  return encodeResponse(api, version, correlationId, response as ResponseOf<Name>)
}

/**
 * A version that is not spoken: ApiVersions is answered in version 0 (KIP-511). Where a later version's response
 * surely begins as ours does, with an error of its own, it is answered in ours. Else, as in Kafka, the connection closes.
 */
function refuse({ kind, apiKey, apiVersion, correlationId, reason }: RequestRefusal): Reply {
  const api = apiByKey(apiKey)
  if (kind !== 'unsupported-version' || api === undefined) return { close: reason }
  if (api.name === 'ApiVersions') {
    return encodeResponse('ApiVersions', 0, correlationId, unsupportedApiVersions)
  }
  if (apiVersion < api.minVersion) return { close: reason }
  const errorCode = errorCodes.UNSUPPORTED_VERSION
  switch (api.name) {
    case 'Fetch':
      return encodeResponse('Fetch', api.maxVersion, correlationId, { errorCode, responses: [] })
    case 'JoinGroup': {
      const body = { ...refusedJoin('UNSUPPORTED_VERSION', ''), errorCode }
      return encodeResponse('JoinGroup', api.maxVersion, correlationId, body)
    }
    case 'SyncGroup': {
      const body = { ...refusedSync('UNSUPPORTED_VERSION'), errorCode }
      return encodeResponse('SyncGroup', api.maxVersion, correlationId, body)
    }
    case 'Heartbeat':
      return encodeResponse('Heartbeat', api.maxVersion, correlationId, { errorCode })
    case 'LeaveGroup':
      return encodeResponse('LeaveGroup', api.maxVersion, correlationId, { errorCode })
    case 'ListGroups':
      return encodeResponse('ListGroups', api.maxVersion, correlationId, { errorCode, groups: [] })
    default:
      return { close: reason }
  }
}
