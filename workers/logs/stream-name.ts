// Names the log stream of an execution environment; loads nothing, since threads use it at their start.

/** Lambda: `YYYY/MM/DD/[version]<32 hex digits>`, one stream for each environment. */
export function streamName(nowMs: number, version: string, words: Uint32Array): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/')
  const digits = Array.from(words, (word) => word.toString(16).padStart(8, '0'))
  return `${day}/[${version}]${digits.join('')}`
}

/** As random as `seed`, four random words, and other words for each number. */
export function wordsFor(seed: Uint32Array, number: number): Uint32Array {
  return seed.map((word, i) => word ^ mixed(4 * number + i))
}

// An odd factor and a shift that can be undone: no two numbers of 32 bits come out the same.
function mixed(number: number): number {
  const product = Math.imul(number, 0x9e3779b1)
  return Math.imul(product ^ (product >>> 16), 0x85ebca6b)
}
