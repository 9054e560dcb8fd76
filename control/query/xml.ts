// Writes answers of AWS's query protocol as XML; pure.

/** An element and all that is in it; of what is undefined there is none. Lists are of `member`. */
export function element(name: string, value: unknown): string {
  if (value === undefined) return ''
  return `<${name}>${content(value)}</${name}>`
}

function content(value: unknown): string {
  if (Array.isArray(value)) return value.map((each) => element('member', each)).join('')
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z')
  if (typeof value === 'object' && value !== null) return elements(value)
  return escaped(String(value))
}

/** The members of a structure, each an element. */
export function elements(structure: object): string {
  return Object.entries(structure)
    .map(([name, value]) => element(name, value))
    .join('')
}

/** What XML cannot hold becomes a question mark. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#xD;')
}
