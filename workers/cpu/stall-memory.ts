// What the watch for stalls and the platform share, and how the kernel tells that a thread waits for a lock.

/** Where in the shared memory what lies: 32-bit numbers. */
export const stallWords = { state: 0, refills: 1, threads: 2 } as const

/** The watch sleeps until the platform wakes it, and ends when it is closed. */
export const stallState = { asleep: 0, awake: 1, closed: 2 } as const

/** The number of the system call futex, which all locks of a process wait with. */
const futexCalls: Readonly<Record<string, string>> = { x64: '202', arm64: '98' }

/**
 * From the text of /proc/<pid>/task/<tid>/syscall: the call's number, its arguments, where the stack and the program
 * are, proc(5). Undefined when the thread runs or waits for something else.
 */
export function waitOf(text: string, arch: string = process.arch): string | undefined {
  const call = futexCalls[arch]
  return call !== undefined && text.startsWith(`${call} `) ? text : undefined
}
