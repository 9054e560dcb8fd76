// What tells a published version from the function that it was made of.
import type { FunctionRecord, VersionRecord } from './registry.ts'

/** Lambda's name for a function as it is now. */
export const latestVersion = '$LATEST'

export function isVersion(record: FunctionRecord | VersionRecord): record is VersionRecord {
  return 'version' in record
}

/** `$LATEST`, or a number. */
export function versionOf(record: FunctionRecord | VersionRecord): string {
  return isVersion(record) ? record.version : latestVersion
}
