// Numbers events: 56 digits that tell where an event lies and sort as CloudWatch Logs answers them.

/** Events are in the order of their timestamps; those of one millisecond as they were written. */
export interface EventPlace {
  readonly timestampMs: number
  readonly writer: number
  readonly sequence: number
  readonly position: number
}

const widths = { timestampMs: 14, writer: 10, sequence: 9, position: 23 } as const

export function eventId({ timestampMs, writer, sequence, position }: EventPlace): string {
  return (
    String(timestampMs).padStart(widths.timestampMs, '0') +
    String(writer).padStart(widths.writer, '0') +
    String(sequence).padStart(widths.sequence, '0') +
    String(position).padStart(widths.position, '0')
  )
}

/** Undefined for what is no event's id. */
export function parseEventId(id: string): EventPlace | undefined {
  const [, timestampMs, writer, sequence, position] =
    /^(\d{14})(\d{10})(\d{9})(\d{23})$/.exec(id) ?? []
  if (timestampMs === undefined) return undefined
  return {
    timestampMs: Number(timestampMs),
    writer: Number(writer),
    sequence: Number(sequence),
    position: Number(position),
  }
}

/** Negative where `a` comes before `b`. */
export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return (
    a.timestampMs - b.timestampMs ||
    a.writer - b.writer ||
    a.sequence - b.sequence ||
    a.position - b.position
  )
}
