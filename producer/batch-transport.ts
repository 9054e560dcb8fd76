// The interface between the sender and the client library that carries its batches.
import type { SourceRecord } from './record-source.ts'

export type SendOutcome =
  | { readonly kind: 'acknowledged' }
  /** Not acknowledged now; the same batch may be later. Part of it may have been written. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  /** Not acknowledged ever: the broker does not take such a batch. */
  | { readonly kind: 'refused'; readonly reason: string }

export interface BatchTransport {
  /** Never rejects for what a broker or the network does. */
  send(records: readonly SourceRecord[]): Promise<SendOutcome>
  close(): Promise<void>
}
