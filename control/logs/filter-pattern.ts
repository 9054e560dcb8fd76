// Compiles a filter pattern of CloudWatch Logs: terms of plain text, or a selector of JSON events.
import { JsonApiError } from '../json/json-service.ts'
import { invalidParameter } from './log-errors.ts'
import { compileJsonSelector } from './json-selector.ts'

export type MatchesMessage = (message: string) => boolean

interface Term {
  /** `?` any of these, `-` none of these, nothing: all of these. */
  readonly sign: '' | '?' | '-'
  readonly text: string
}

/** Undefined for a pattern that lets everything through. */
export function compileFilterPattern(pattern: string): MatchesMessage | undefined | JsonApiError {
  const trimmed = pattern.trim()
  if (trimmed === '' || trimmed === '""') return undefined
  if (trimmed.startsWith('{')) return compileJsonSelector(trimmed)
  if (trimmed.startsWith('[')) {
    return invalidParameter('Patterns of space-delimited fields ([a, b]) are not available.')
  }
  const terms = termsOf(trimmed)
  if (terms instanceof JsonApiError) return terms
  const all = terms.filter(({ sign }) => sign === '').map(({ text }) => text)
  const none = terms.filter(({ sign }) => sign === '-').map(({ text }) => text)
  const any = terms.filter(({ sign }) => sign === '?').map(({ text }) => text)
  // AWS: optional terms count only where there are no others.
  if (all.length === 0 && none.length === 0) {
    return (message) => any.some((text) => message.includes(text))
  }
  return (message) =>
    all.every((text) => message.includes(text)) && !none.some((text) => message.includes(text))
}

function termsOf(pattern: string): readonly Term[] | JsonApiError {
  const terms: Term[] = []
  const next = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"%]+))(?=\s|$)/y
  while (next.lastIndex < pattern.length) {
    const at = next.lastIndex
    const found = next.exec(pattern)
    if (found === null) return badTerm(pattern.slice(at).trim())
    const [, sign = '', phrase, word = ''] = found
    const text = phrase === undefined ? word : phrase.replaceAll(/\\(.)/g, '$1')
    if (text !== '') terms.push({ sign: sign as Term['sign'], text })
  }
  return terms
}

function badTerm(rest: string): JsonApiError {
  return rest.includes('%')
    ? invalidParameter('Patterns with regular expressions (%...%) are not available.')
    : invalidParameter(`Invalid filter pattern at: ${rest}`)
}
