// What is kept of a layer: its versions that are there, and the last number that was given.
import type { Account } from '../lambda/function-name.ts'
import type { Fields } from '../registry/record-folder.ts'

export interface LayerVersion {
  readonly number: number
  readonly description: string
  readonly createdMs: number
  readonly sha256: string
  readonly sizeBytes: number
  readonly license?: string
  readonly runtimes?: readonly string[]
  readonly architectures?: readonly string[]
}

export interface LayerRecord {
  readonly name: string
  /** The oldest first; none where all were deleted. */
  readonly versions: readonly LayerVersion[]
  /** Numbers are given once. */
  readonly lastVersion: number
}

export function layerArn({ region, accountId }: Account, name: string): string {
  return `arn:aws:lambda:${region}:${accountId}:layer:${name}`
}

export function parseLayer(layer: Fields): LayerRecord | undefined {
  const { name, versions, lastVersion } = layer
  const isLayer =
    typeof name === 'string' &&
    Number.isSafeInteger(lastVersion) &&
    Array.isArray(versions) &&
    versions.every(isVersion)
  return isLayer ? (layer as unknown as LayerRecord) : undefined
}

function isVersion(value: unknown): boolean {
  const version = (value ?? {}) as Partial<Record<keyof LayerVersion, unknown>>
  return (
    (['number', 'createdMs', 'sizeBytes'] as const).every((each) =>
      Number.isSafeInteger(version[each]),
    ) &&
    (['description', 'sha256'] as const).every((each) => typeof version[each] === 'string') &&
    (version.license === undefined || typeof version.license === 'string') &&
    isTextsOrNone(version.runtimes) &&
    isTextsOrNone(version.architectures)
  )
}

function isTextsOrNone(value: unknown): boolean {
  const isTexts = Array.isArray(value) && value.every((each) => typeof each === 'string')
  return value === undefined || isTexts
}
