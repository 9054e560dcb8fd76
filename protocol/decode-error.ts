// The one error that decoders of wire bytes throw, caught at their edges.

/** Bytes that are not what the format says. `position` is where in the buffer it showed. */
export class DecodeError extends Error {
  readonly position: number

  constructor(reason: string, position: number) {
    super(`${reason} at position ${position}`)
    this.name = 'DecodeError'
    this.position = position
  }
}
