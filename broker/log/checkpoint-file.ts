// The checkpoint: up to where each partition's segments are flushed, and where its log starts.

/** `start` is set by deleting records; `position` in segment `segment` is where `offset` begins. */
export interface RecoveryPoint {
  readonly start: number
  readonly offset: number
  readonly segment: number
  readonly position: number
}

/** Points by topic id and partition. */
export type Checkpoint = ReadonlyMap<string, readonly RecoveryPoint[]>

/** An empty log's. */
export const noRecoveryPoint: RecoveryPoint = { start: 0, offset: 0, segment: 0, position: 0 }

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const topics = [...checkpoint].map(([id, points]) => [
    id,
    points.map(({ start, offset, segment, position }) => [start, offset, segment, position]),
  ])
  return Buffer.from(JSON.stringify({ version: 1, topics: Object.fromEntries(topics) }))
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
  if (!isObject(value) || value['version'] !== 1 || !isObject(value['topics'])) return undefined
  const checkpoint = new Map<string, readonly RecoveryPoint[]>()
  for (const [id, points] of Object.entries(value['topics'])) {
    const parsed = Array.isArray(points) ? points.map(parsePoint) : [undefined]
    if (!parsed.every((point) => point !== undefined)) return undefined
    checkpoint.set(id, parsed)
  }
  return checkpoint
}

function parsePoint(value: unknown): RecoveryPoint | undefined {
  if (!Array.isArray(value) || value.length !== 4) return undefined
  if (!value.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined
  const [start, offset, segment, position] = value as [number, number, number, number]
  return { start, offset, segment, position }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
