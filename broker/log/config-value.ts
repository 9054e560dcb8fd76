// What the text of a configuration may be, by its type and rule; what it may not be is said in Kafka's words.
import { stringMaxBytes } from '../../common/limits.ts'

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list'

export interface ConfigRule {
  readonly type: ConfigType
  readonly least?: number
  readonly most?: number
  /** A number outside of the range that is taken as well. */
  readonly orEqual?: number
  /** What a string, or each element of a list, may be. */
  readonly oneOf?: readonly string[]
  /** What the text as a whole has to look like, and how to say so. */
  readonly form?: { readonly pattern: RegExp; readonly reason: string }
}

/** A configuration that is not known, or whose value is not one of its type: Kafka's INVALID_CONFIG. */
export class InvalidConfigError extends Error {
  readonly code = 'INVALID_CONFIG'

  constructor(message: string) {
    super(message)
    this.name = 'InvalidConfigError'
  }
}

/** The text as Kafka would show it: without spaces around, numbers without a plus. Throws InvalidConfigError. */
export function checkConfig(name: string, text: string, rule: ConfigRule): string {
  // An APPEND can make a list longer than the wire could carry back.
  if (text.length > stringMaxBytes) throw new InvalidConfigError(`${name} is too long`)
  const shown = forms[rule.type](text.trim())
  const flaw =
    shown === undefined ? { value: text, reason: misfits[rule.type] } : flawOf(shown, rule)
  if (shown !== undefined && flaw === undefined) return shown
  throw new InvalidConfigError(
    `Invalid value ${flaw?.value} for configuration ${name}: ${flaw?.reason}`,
  )
}

export function listOf(text: string): readonly string[] {
  const trimmed = text.trim()
  return trimmed === '' ? [] : trimmed.split(/\s*,\s*/)
}

/** A checked whole number as one to reckon with: Kafka's largest int64, "never", is past counting anyway. */
export function numberOf(text: string): number {
  const value = Number(text)
  return Math.max(Math.min(value, Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER)
}

const misfits: { readonly [Type in ConfigType]: string } = {
  boolean: 'Expected value to be either true or false',
  string: 'Expected value to be a string',
  int: 'Not a number of type INT',
  long: 'Not a number of type LONG',
  double: 'Not a number of type DOUBLE',
  list: 'Expected a comma separated list.',
}

/** As Kafka shows a text of each type; undefined where it is not of the type. */
const forms: { readonly [Type in ConfigType]: (text: string) => string | undefined } = {
  boolean: (text) => (/^(true|false)$/i.test(text) ? text.toLowerCase() : undefined),
  string: (text) => text,
  int: (text) => wholeNumber(text, 32),
  long: (text) => wholeNumber(text, 64),
  double: decimal,
  list: (text) => listOf(text).join(','),
}

function wholeNumber(text: string, bits: number): string | undefined {
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return BigInt.asIntN(bits, value) === value ? String(value) : undefined
}

function decimal(text: string): string | undefined {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return undefined
  const value = Number(text)
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** `value` is what of the text is at fault. */
function flawOf(
  shown: string,
  rule: ConfigRule,
): { readonly value: string; readonly reason: string } | undefined {
  const { type, oneOf, form } = rule
  if (form !== undefined && !form.pattern.test(shown)) {
    return { value: type === 'list' ? `[${shown}]` : shown, reason: form.reason }
  }
  if (oneOf !== undefined) {
    const parts = type === 'list' ? listOf(shown) : [shown]
    const stranger = parts.find((part) => !oneOf.includes(part))
    if (stranger === undefined) return undefined
    return { value: stranger, reason: `String must be one of: ${oneOf.join(', ')}` }
  }
  const reason = rangeFlaw(Number(shown), rule)
  return reason === undefined ? undefined : { value: shown, reason }
}

function rangeFlaw(value: number, { least, most, orEqual }: ConfigRule): string | undefined {
  const isBelow = least !== undefined && value < least
  const isAbove = most !== undefined && value > most
  if ((!isBelow && !isAbove) || value === orEqual) return undefined
  if (orEqual !== undefined) {
    return `Value must be between ${least} and ${most} or equal to ${orEqual}`
  }
  return isBelow ? `Value must be at least ${least}` : `Value must be no more than ${most}`
}
