// Turns flags and environment variables into a typed configuration; reads neither itself.
import { parseArgs } from 'node:util'
import { AppError, reasonOf } from './errors.ts'
import { parseBytes, parseMilliseconds } from './quantities.ts'
import {
  settingsTable,
  type RoleName,
  type Setting,
  type SettingKind,
  type SettingName,
} from './settings.ts'

interface ValueOf {
  text: string
  port: number
  /** `off` for a door that is not opened. */
  door: number | 'off'
  count: number
  switch: boolean
  bytes: number
  milliseconds: number
  list: readonly string[]
}

/** A value for every setting of the table; those of other roles have their defaults. */
export type Config = {
  readonly [Name in SettingName]: (typeof settingsTable)[Name] extends { choices: infer Choices }
    ? Choices extends readonly (infer Choice)[]
      ? Choice
      : never
    : ValueOf[(typeof settingsTable)[Name]['kind']]
}

/** `kafkaPort` → `--kafka-port`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `kafkaPort` → `MILLRACE_KAFKA_PORT`. */
export function variableOf(name: string): string {
  return `MILLRACE_${flagOf(name).slice(2).replaceAll('-', '_').toUpperCase()}`
}

/** The settings a role reads, in the table's order. */
export function settingsOf(role: RoleName): readonly (readonly [SettingName, Setting])[] {
  const entries = Object.entries(settingsTable) as [SettingName, Setting][]
  return entries.filter(([, setting]) => setting.roles.includes(role))
}

/**
 * Flags win over variables, variables over defaults. A flag or `MILLRACE_` value that a role does not
 * know or that does not parse is an AppError CONFIG_INVALID that names it.
 */
export function parseConfig(
  role: RoleName,
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const flags = parseFlags(role, argv)
  const own = new Set(settingsOf(role).map(([name]) => name))
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settingsTable) as [SettingName, Setting][]) {
    const variable = own.has(name) ? environment[variableOf(name)] : undefined
    const flag = flags[flagOf(name).slice(2)]
    const text = flag ?? (variable === '' ? undefined : variable) ?? setting.default
    const source = flag === undefined && variable !== undefined ? variableOf(name) : flagOf(name)
    values[name] = parseValue(source, setting, text)
  }
  return values as Config
}

function parseFlags(
  role: RoleName,
  argv: readonly string[],
): Readonly<Record<string, string | undefined>> {
  const options = Object.fromEntries(
    settingsOf(role).map(([name, { kind }]) => [
      flagOf(name).slice(2),
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  try {
    const { values } = parseArgs({ args: [...argv], options, allowNegative: true })
    return Object.fromEntries(Object.entries(values).map(([k, v]) => [k, String(v)]))
  } catch (error) {
    throw new AppError('CONFIG_INVALID', { setting: role, reason: reasonOf(error) }, error)
  }
}

function parseValue(source: string, setting: Setting, text: string): unknown {
  const invalid = (reason: string): never => {
    throw new AppError('CONFIG_INVALID', { setting: source, reason: `"${text}" ${reason}` })
  }
  if (setting.choices !== undefined && !setting.choices.includes(text)) {
    return invalid(`is not one of ${setting.choices.join(', ')}`)
  }
  return parsers[setting.kind](text) ?? invalid(expectations[setting.kind])
}

const expectations: Record<SettingKind, string> = {
  text: 'is not a text',
  port: 'is not a port (0 to 65535)',
  door: 'is neither a port (0 to 65535) nor off',
  count: 'is not a whole number from 0',
  switch: 'is neither true nor false',
  bytes: 'is not a size such as 64MiB',
  milliseconds: 'is not a duration such as 500ms, 10s or 7d',
  list: 'is not a list',
}

const parsers: { [Kind in SettingKind]: (text: string) => ValueOf[Kind] | undefined } = {
  text: (text) => text,
  port: portOf,
  door: (text) => (text === 'off' ? text : portOf(text)),
  count: wholeNumber,
  switch: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  bytes: parseBytes,
  milliseconds: parseMilliseconds,
  list: (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
}

function portOf(text: string): number | undefined {
  const port = wholeNumber(text)
  return port !== undefined && port <= 65_535 ? port : undefined
}

function wholeNumber(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
