// What the status of a mapping says of what keeps it from its work.
import { brokerFaults, type BrokerFault } from '../common/broker-fault.ts'
import type { MappingStatus } from '../control/registry/registry.ts'

type ProblemStatus = Pick<MappingStatus, 'lastProcessingResult' | 'stateTransitionReason'>

/** In AWS's words where it has some for the fault; undefined where nothing is wrong. */
export function problemStatus(
  reason: string | undefined,
  fault?: BrokerFault,
): ProblemStatus | undefined {
  if (reason === undefined) return undefined
  if (fault === undefined) return { lastProcessingResult: `PROBLEM: Connection error. ${reason}` }
  const { text = reason, reason: stateTransitionReason } = brokerFaults[fault]
  return { lastProcessingResult: `PROBLEM: ${text}.`, stateTransitionReason }
}
