// Shared memory in which each running event has a place: whose thread runs it, and what that thread measured.

import { costOf } from './runtime/log-pace.ts'

/** Of an event beyond the slots; its thread is not known, and its figures come with its result. */
export const noSlot = -1

/** What a thread writes of an event before it answers; kept apart because copying an object costs more. */
export interface EventFigures {
  readonly durationMs: number
  readonly memoryUsedMb: number
  /** The CPU time that the thread has taken since it began. */
  readonly threadCpuMs: number
  readonly logMessages: number
}

/** The memory itself, as threads are handed it at their start. */
export interface SharedSlots {
  /** Ids of threads, which begin at 1; 0 while no thread has begun the slot's event. */
  readonly running: Int32Array<SharedArrayBuffer>
  readonly figures: Float64Array<SharedArrayBuffer>
  /** What the platform has taken of the slot's messages, as `costOf` counts them. */
  readonly taken: Int32Array<SharedArrayBuffer>
}

const figuresPerSlot = 4

/** Gives events their slots. A slot belongs to one event from `begin` to `end`. */
export class EventSlots {
  readonly shared: SharedSlots
  readonly #free: number[]
  readonly #used = new Set<number>()
  readonly #took = new Map<number, number>()
  readonly #atTurnsEnd: (callback: () => void) => void

  constructor(slots: number, atTurnsEnd: (callback: () => void) => void = setImmediate) {
    this.#atTurnsEnd = atTurnsEnd
    const words = (): Int32Array<SharedArrayBuffer> =>
      new Int32Array(new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT))
    this.shared = {
      running: words(),
      taken: words(),
      figures: new Float64Array(
        new SharedArrayBuffer(slots * figuresPerSlot * Float64Array.BYTES_PER_ELEMENT),
      ),
    }
    this.#free = Array.from({ length: slots }, (_, i) => i)
  }

  begin(): number {
    const slot = this.#free.pop() ?? noSlot
    if (slot === noSlot) return slot
    this.#used.add(slot)
    this.again(slot)
    return slot
  }

  /** The slot's event begins once more, in another thread. */
  again(slot: number): void {
    if (slot === noSlot) return
    Atomics.store(this.shared.running, slot, 0)
    Atomics.store(this.shared.taken, slot, 0)
  }

  /** A message of so many characters was taken. Told at the turn's end: a thread that goes on amid it would make the turn longer. */
  took(slot: number, chars: number): void {
    if (!this.#used.has(slot)) return
    if (this.#took.size === 0) this.#atTurnsEnd(() => this.#tellTaken())
    this.#took.set(slot, (this.#took.get(slot) ?? 0) + costOf(chars))
  }

  #tellTaken(): void {
    for (const [slot, cost] of this.#took) {
      Atomics.add(this.shared.taken, slot, cost)
      Atomics.notify(this.shared.taken, slot)
    }
    this.#took.clear()
  }

  end(slot: number): void {
    if (this.#used.delete(slot)) this.#free.push(slot)
  }

  /** The id of the thread that has begun the slot's event; 0 before any has. */
  runnerIdOf(slot: number): number {
    return slot === noSlot ? 0 : Atomics.load(this.shared.running, slot)
  }

  /** Whether the thread has begun an event that has not ended. */
  isBusy(threadId: number): boolean {
    for (const slot of this.#used) if (this.runnerIdOf(slot) === threadId) return true
    return false
  }

  /** The same, and of an event that no thread has begun: it may be anyone's. */
  mayBeBusy(threadId: number): boolean {
    for (const slot of this.#used) {
      const runner = this.runnerIdOf(slot)
      if (runner === 0 || runner === threadId) return true
    }
    return false
  }

  /** What the thread wrote; to be read when its answer is there, before `end`. */
  figuresOf(slot: number): EventFigures & { readonly threadId: number } {
    const { figures } = this.shared
    const at = slot * figuresPerSlot
    return {
      durationMs: figures[at] ?? 0,
      memoryUsedMb: figures[at + 1] ?? 0,
      threadCpuMs: figures[at + 2] ?? 0,
      logMessages: figures[at + 3] ?? 0,
      threadId: this.runnerIdOf(slot),
    }
  }
}

/** On the thread's side. The answer's message, which follows, makes the figures visible. */
export function writeFigures({ figures }: SharedSlots, slot: number, of: EventFigures): void {
  const at = slot * figuresPerSlot
  figures[at] = of.durationMs
  figures[at + 1] = of.memoryUsedMb
  figures[at + 2] = of.threadCpuMs
  figures[at + 3] = of.logMessages
}
