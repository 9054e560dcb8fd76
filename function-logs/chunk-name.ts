// Names a chunk file: when it was begun, by which process, and as which of its chunks.

export interface ChunkName {
  readonly file: string
  readonly createdMs: number
  /** A number of 32 bits that a process draws at its start. */
  readonly writer: number
  readonly sequence: number
}

export function chunkName(createdMs: number, writer: number, sequence: number): ChunkName {
  const file = `${createdMs}-${writer.toString(16).padStart(8, '0')}-${sequence}.log`
  return { file, createdMs, writer, sequence }
}

/** Undefined for a file that is no chunk. */
export function parseChunkName(file: string): ChunkName | undefined {
  const [, createdMs, writer, sequence] =
    /^(\d{1,15})-([0-9a-f]{8})-(\d{1,9})\.log$/.exec(file) ?? []
  if (createdMs === undefined || writer === undefined || sequence === undefined) return undefined
  return {
    file,
    createdMs: Number(createdMs),
    writer: Number.parseInt(writer, 16),
    sequence: Number(sequence),
  }
}
