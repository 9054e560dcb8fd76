// Makes what an event says of itself in headers: its trace, its client's context.

/** X-Ray's header of a trace that nobody samples. `random` has 20 bytes. */
export function traceId(nowMs: number, random: Buffer): string {
  const seconds = Math.floor(nowMs / 1000).toString(16)
  const hex = random.toString('hex')
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(24)};Sampled=0`
}

/** JSON text of a client context that came as base64, in the characters that a header can carry. */
export function contextHeader(base64: string): string {
  const text = Buffer.from(base64, 'base64').toString()
  // JSON has an escape for each of them; what is no JSON is the runtime's to refuse.
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replaceAll(/[\r\n\t]/g, ' ').replaceAll(/[^ -~]/g, escape)
}
