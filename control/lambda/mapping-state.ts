// Which of AWS's states a mapping is in, from what was asked and what the poller has reached.
import type { MappingRecord, MappingStatus } from '../registry/registry.ts'

export const mappingStates = [
  'Creating',
  'Enabling',
  'Enabled',
  'Disabling',
  'Disabled',
  'Updating',
  'Deleting',
] as const
export type MappingState = (typeof mappingStates)[number]

/**
 * A change is in force once the poller reports the record's revision; until then the state names the
 * change. A mapping created disabled has nothing to wait for.
 *
 *   create ─▶ Creating ─┐                 ┌─▶ Enabled
 *   update ─▶ Updating ─┼─ poller has the ┤
 *   enable ─▶ Enabling ─┤  revision       └─▶ Disabled
 *   disable▶ Disabling ─┘
 *   delete ─▶ Deleting ─── poller says gone ─▶ (no entry)
 */
export function mappingState(
  record: MappingRecord,
  status: MappingStatus | undefined,
): MappingState {
  if (record.desired === 'deleted') return 'Deleting'
  if (status === undefined || status.revision < record.revision) return changingState(record)
  return status.state === 'enabled' ? 'Enabled' : 'Disabled'
}

/** The state in which a change is answered, before anyone can have acted on it. */
export function changingState({ desired, lastChange }: MappingRecord): MappingState {
  if (lastChange === 'create' && desired === 'disabled') return 'Disabled'
  return changing[lastChange]
}

const changing: Record<MappingRecord['lastChange'], MappingState> = {
  create: 'Creating',
  update: 'Updating',
  enable: 'Enabling',
  disable: 'Disabling',
  delete: 'Deleting',
}
