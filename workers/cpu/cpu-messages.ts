// What a thread says about itself to those who hold its share of the processor.

/** The symbol under which a thread lays out what it naps by, for the governor to take. */
export const napKey = 'millrace.nap'

/** `failure`: the thread could not be put into its share, and why. */
export type CpuMessage =
  | {
      readonly type: 'born'
      readonly threadId: number
      readonly tid: number
      readonly failure?: string
    }
  | { readonly type: 'initialised'; readonly threadId: number; readonly failure?: string }

/** Handlers may post to the same port: whatever is not ours is undefined here. */
export function parseCpuMessage(message: unknown): CpuMessage | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { type, threadId, tid, failure } = message as Record<string, unknown>
  if (typeof threadId !== 'number') return undefined
  const why = typeof failure === 'string' ? { failure } : {}
  if (type === 'initialised') return { type, threadId, ...why }
  return type === 'born' && typeof tid === 'number' ? { type, threadId, tid, ...why } : undefined
}
