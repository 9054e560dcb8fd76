// Compiles the wildcard operator: `*` stands for any run of characters, `\*` and `\\` for themselves.

/** A test of strings, or the reason why the pattern is none. Matching is linear: no backtracking. */
export function compileWildcard(pattern: string): ((text: string) => boolean) | string {
  if (pattern === '') return () => false
  const parts = splitParts(pattern)
  if (typeof parts === 'string') return parts
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return (text) => text === first
  const middle = parts.slice(1, -1)
  return (text) => {
    if (text.length < first.length + last.length) return false
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    return holdsInOrder(text, middle, { from: first.length, to: text.length - last.length })
  }
}

// The leftmost place of each part leaves the most room for those after it, so greed is exact.
function holdsInOrder(
  text: string,
  parts: readonly string[],
  range: { from: number; to: number },
): boolean {
  let from = range.from
  for (const part of parts) {
    const at = text.indexOf(part, from)
    if (at < 0 || at + part.length > range.to) return false
    from = at + part.length
  }
  return true
}

/** The literal texts between the wildcards. */
function splitParts(pattern: string): readonly string[] | string {
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]
    const next = pattern[i + 1]
    if (character === '\\') {
      if (next !== '*' && next !== '\\') return `Invalid escape character at pos ${i}`
      part += next
      i++
    } else if (character === '*') {
      if (next === '*') return `Consecutive wildcard characters at pos ${i}`
      parts.push(part)
      part = ''
    } else {
      part += character
    }
  }
  return [...parts, part]
}
