// Names the log stream of an execution environment.
import { randomBytes } from 'node:crypto'

/** Lambda: `YYYY/MM/DD/[version]<32 hex digits>`, one stream for each environment. */
export function newStreamName(nowMs: number, version: string): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/')
  return `${day}/[${version}]${randomBytes(16).toString('hex')}`
}
