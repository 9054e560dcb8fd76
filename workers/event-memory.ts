// Hands large events to threads in shared memory that is used again: no copy but one, and none on the main thread's heap.
import { isAscii } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { sharedEventMinBytes } from '../common/environment-limits.ts'
import type { EventPayload } from '../common/invocation.ts'
import type { RecordEvent } from '../common/record-event.ts'
import type { SharedRecords, SharedText } from './runtime/shared-event.ts'

/** What `parseLargeJson` needs; made here since a thread would load all of node:crypto for it. */
const mark = `${randomBytes(9).toString('base64url')}:`

/** Sizes are powers of two from here on, so that memory fits other events as well. */
const leastBytes = 64 * 1024

/** Lends memory and takes it back; keeps at most `spareMaxBytes` that nobody uses. */
export class EventMemory {
  readonly #spareMaxBytes: number
  /** The latest last, whatever their sizes: events of one mapping are much alike. */
  readonly #spares: SharedArrayBuffer[] = []
  #spareBytes = 0

  constructor(spareMaxBytes: number) {
    this.#spareMaxBytes = spareMaxBytes
  }

  get spareBytes(): number {
    return this.#spareBytes
  }

  /** As it goes to a thread: as text where that is short. */
  handOver(payload: EventPayload): string | SharedText | SharedRecords {
    if (typeof payload === 'string') {
      return payload.length < sharedEventMinBytes ? payload : this.put(payload)
    }
    return payload.sizeBytes < sharedEventMinBytes ? payload.text() : this.putRecords(payload)
  }

  put(payload: string | Uint8Array): SharedText {
    // UTF-8 has at most three bytes for each unit of a string.
    const mostBytes = typeof payload === 'string' ? payload.length * 3 : payload.length
    const memory = this.#lend(mostBytes)
    const target = Buffer.from(memory)
    if (typeof payload === 'string') {
      const sizeBytes = target.write(payload, 'utf8')
      return { memory, sizeBytes, isAscii: sizeBytes === payload.length, mark }
    }
    target.set(payload)
    return { memory, sizeBytes: payload.length, isAscii: isAscii(payload), mark }
  }

  putRecords(event: RecordEvent): SharedRecords {
    const memory = this.#lend(event.packedMaxBytes)
    event.pack(memory)
    return { memory, kind: event.kind }
  }

  /** To be called once for what was put, and only when no thread can read it any more. */
  giveBack({ memory }: SharedText | SharedRecords): void {
    if (this.#spareBytes + memory.byteLength > this.#spareMaxBytes) return
    this.#spareBytes += memory.byteLength
    this.#spares.push(memory)
  }

  #lend(bytes: number): SharedArrayBuffer {
    for (let i = this.#spares.length - 1; i >= 0; i--) {
      const spare = this.#spares[i]
      if (spare === undefined || spare.byteLength < bytes) continue
      this.#spares.splice(i, 1)
      this.#spareBytes -= spare.byteLength
      return spare
    }
    return new SharedArrayBuffer(Math.max(leastBytes, 2 ** Math.ceil(Math.log2(bytes))))
  }
}
