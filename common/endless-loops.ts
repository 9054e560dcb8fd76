// Keeps V8 able to stop whatever loop a handler is in.
import { setFlagsFromString } from 'node:v8'

/**
 * Where V8 13.6 (Node 24) optimises a loop around a small one, as in `for (;;) new Array(100).fill(0)`, it drops
 * the check for interrupts of both along with the inner one's: the thread then hears neither of its end nor
 * of a question for its memory, ever. It does so in the phase that unrolls loops, which costs nothing
 * measurable to leave out. To be called before modules come from the compile cache, which heeds flags.
 */
export function keepLoopsStoppable(): void {
  setFlagsFromString('--no-turboshaft-loop-unrolling')
}
