// DescribeCluster (key 60): the brokers of the cluster and which of them is the controller (KIP-700).
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int8,
  nullableString,
  optional,
  since,
  string,
  struct,
} from '../fields.ts'
import { operationsNotAsked } from './metadata.ts'

/* v1: controllers can be asked for (KIP-919). v2: brokers that are fenced. */
export const describeCluster = defineApi({
  key: 60,
  name: 'DescribeCluster',
  minVersion: 0,
  maxVersion: 2,
  flexibleSince: 0,
  request: struct({
    includeClusterAuthorizedOperations: bool,
    /** 1 asks for brokers, 2 for controllers. */
    endpointType: since(1, int8, 1),
    includeFencedBrokers: since(2, bool, false),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    errorCode: int16,
    errorMessage: optional(nullableString, null),
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: optional(int32, -1),
    brokers: array(
      struct({
        brokerId: int32,
        host: string,
        port: int32,
        rack: optional(nullableString, null),
        isFenced: since(2, bool, false),
      }),
    ),
    clusterAuthorizedOperations: optional(int32, operationsNotAsked),
  }),
})
