// The checkpoint: up to where each partition's segments are flushed, and where its log starts.
import { crc32c } from '../../protocol/record-batch.ts'

/** `start` is set by deleting records; `position` in segment `segment` is where `offset` begins. */
export interface SegmentsPoint {
  readonly start: number
  readonly offset: number
  readonly segment: number
  readonly position: number
}

/**
 * What is written down of a partition's producers is true up to `producersTo`. It was taken at offset
 * `producersAt`, which says whether a snapshot is that one; 0 where there was no producer to write down.
 */
export interface ProducersPoint {
  readonly producersTo: number
  readonly producersAt: number
}

export interface RecoveryPoint extends SegmentsPoint, ProducersPoint {}

/** Points by topic id and partition. */
export type Checkpoint = ReadonlyMap<string, readonly RecoveryPoint[]>

/** An empty log's. */
export const noRecoveryPoint: RecoveryPoint = {
  start: 0,
  offset: 0,
  segment: 0,
  position: 0,
  producersTo: 0,
  producersAt: 0,
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const topics = [...checkpoint].map(([id, points]) => [
    id,
    points.map((p) => [p.start, p.offset, p.segment, p.position, p.producersTo, p.producersAt]),
  ])
  const text = JSON.stringify(Object.fromEntries(topics))
  return Buffer.from(`{"version":2,"crc32c":${crc32c(Buffer.from(text))},"topics":${text}}`)
}

/** Undefined where the text is not a checkpoint, which means that all segments have to be scanned. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  if (!isObject(value) || !isObject(value['topics']) || !isAsWritten(value)) return undefined
  const checkpoint = new Map<string, readonly RecoveryPoint[]>()
  for (const [id, points] of Object.entries(value['topics'])) {
    const parsed = Array.isArray(points) ? points.map(parsePoint) : [undefined]
    if (!parsed.every((point) => point !== undefined)) return undefined
    checkpoint.set(id, parsed)
  }
  return checkpoint
}

/** A digit that is wrong would move the log's start, or have damage trusted. Version 1 had no checksum. */
function isAsWritten({ version, crc32c: stated, topics }: Record<string, unknown>): boolean {
  if (version === 1) return true
  return version === 2 && stated === crc32c(Buffer.from(JSON.stringify(topics)))
}

function parsePoint(value: unknown): RecoveryPoint | undefined {
  if (!Array.isArray(value) || (value.length !== 4 && value.length !== 6)) return undefined
  if (!value.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined
  const [start = 0, offset = 0, segment = 0, position = 0] = value as readonly number[]
  // Four numbers are from before there were producers with ids.
  const [producersTo = offset, producersAt = 0] = value.slice(4) as readonly number[]
  return { start, offset, segment, position, producersTo, producersAt }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
