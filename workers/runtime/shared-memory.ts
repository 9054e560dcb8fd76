// Bounds what a handler may have in SharedArrayBuffers, which V8 counts for no thread.

/**
 * Beyond `maxBytes` one more is refused as V8 refuses what the machine has no room for. What was let go of counts
 * until the handler next waits for something. Affects this thread alone.
 */
export function boundSharedMemory(maxBytes: number): void {
  let bytes = 0
  const freed = new FinalizationRegistry<number>((size) => (bytes -= size))
  const original = SharedArrayBuffer
  const bounded: typeof SharedArrayBuffer = new Proxy(original, {
    construct: (target, args, newTarget) => {
      const size = sizeOf(args)
      if (bytes + size > maxBytes) throw new RangeError('Array buffer allocation failed')
      const own: unknown = newTarget === bounded ? target : newTarget
      const made = Reflect.construct(target, args, own as typeof target) as object
      bytes += size
      freed.register(made, size)
      return made
    },
  })
  Object.defineProperty(original.prototype, 'constructor', { value: bounded })
  globalThis.SharedArrayBuffer = bounded
}

/** What is reserved for it to grow into counts. */
function sizeOf([length, options]: readonly unknown[]): number {
  const { maxByteLength } = Object(options) as { readonly maxByteLength?: unknown }
  return Math.max(Number(length) || 0, Number(maxByteLength) || 0)
}
