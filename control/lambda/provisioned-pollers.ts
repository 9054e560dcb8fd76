// What ProvisionedPollerConfig may say: how many event pollers a mapping keeps, and the group they are in.
import {
  maximumPollersDefault,
  maximumPollersMax,
  minimumPollersDefault,
  minimumPollersMax,
  pollerGroupMappingsMax,
  pollerGroupPollersMax,
} from '../../common/mapping-limits.ts'
import type { MappingRecord, ProvisionedPollers } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import type { UpdateMappingInput } from './requests.ts'
import { saysNothing, type Violations } from '../../common/aws/validation.ts'

/** Lambda's pattern (botocore). */
const groupPattern = '[a-zA-Z0-9-_]{0,128}'

export function checkPollersShape(
  violations: Violations,
  { ProvisionedPollerConfig: config }: UpdateMappingInput,
): void {
  const name = 'provisionedPollerConfig'
  violations.range(`${name}.minimumPollers`, config?.MinimumPollers, [1, minimumPollersMax])
  violations.range(`${name}.maximumPollers`, config?.MaximumPollers, [1, maximumPollersMax])
  violations.length(`${name}.pollerGroupName`, config?.PollerGroupName, [0, 128])
  violations.pattern(`${name}.pollerGroupName`, config?.PollerGroupName, groupPattern)
}

/**
 * The event pollers of a mapping that had `current`; undefined for one that scales on demand. What is
 * left out stays as it was; `{}` is AWS's word for "back to on-demand", an empty name for "no group".
 */
export function provisionedPollersOf(
  { ProvisionedPollerConfig: config }: UpdateMappingInput,
  current?: ProvisionedPollers,
): Outcome<ProvisionedPollers | undefined> {
  if (config === undefined) return current
  const leavesGroup = current !== undefined && config.PollerGroupName !== undefined
  if (saysNothing(config) && !leavesGroup) return undefined
  const minimum = config.MinimumPollers ?? current?.minimum ?? minimumPollersDefault
  const maximum = config.MaximumPollers ?? current?.maximum ?? maximumPollersDefault
  const groupName = config.PollerGroupName ?? current?.groupName ?? ''
  if (maximum < minimum) {
    return invalidParameter(
      `MaximumPollers (${maximum}) must not be less than MinimumPollers (${minimum}).`,
    )
  }
  return { minimum, maximum, ...(groupName === '' ? {} : { groupName }) }
}

/** Lambda: a group has at most 100 mappings, and at most 2000 event pollers in all. */
export function pollerGroupConflict(
  { uuid, provisionedPollers }: MappingRecord,
  all: readonly MappingRecord[],
): LambdaApiError | undefined {
  const groupName = provisionedPollers?.groupName
  if (groupName === undefined) return undefined
  const others = all.filter((o) => o.uuid !== uuid && o.provisionedPollers?.groupName === groupName)
  if (others.length >= pollerGroupMappingsMax) {
    return invalidParameter(
      `PollerGroupName ${groupName} already has ${pollerGroupMappingsMax} event source mappings.`,
    )
  }
  const pollers = others.reduce((sum, o) => sum + (o.provisionedPollers?.maximum ?? 0), 0)
  const most = pollers + (provisionedPollers?.maximum ?? 0)
  if (most <= pollerGroupPollersMax) return undefined
  return invalidParameter(
    `The MaximumPollers of PollerGroupName ${groupName} would come to ${most}, which is more than ` +
      `${pollerGroupPollersMax}.`,
  )
}
