// The command that simulates a mapping: reads a scenario from a file and flags, prints what came of it.
import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError, reasonOf } from '../common/errors.ts'
import { chart } from './chart.ts'
import type { Parameter } from './parameter.ts'
import { parameters } from './parameters.ts'
import { asTable, simulate } from './report.ts'
import { scenarioOf, valueOfFlag, valuesOfJson } from './scenario-values.ts'
import type { Scenario } from './scenario.ts'

export interface SimulateProgram {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

/** `node main.ts simulate`: resolves with the exit code. */
export async function runSimulate(
  argv: readonly string[],
  { stdout, stderr }: SimulateProgram,
): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    stdout.write(simulateHelp())
    return 0
  }
  try {
    const flags = readFlags(argv)
    const report = simulate(await scenarioOfFlags(flags))
    const path = flags['chart']
    if (typeof path === 'string') await write(path, chart(report))
    const text = flags['json'] === true ? `${JSON.stringify(report)}\n` : asTable(report)
    stdout.write(text)
    return 0
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    stderr.write(`millrace: ${error.message}\n`)
    return 1
  }
}

/** `node main.ts simulate --help`. */
export function simulateHelp(): string {
  return [
    'Usage: node main.ts simulate [--config scenario.json] [parameters]',
    '',
    "Runs an event source mapping's own decisions on a clock that jumps, against a topic and a",
    'function that are made up: what would this mapping do with that traffic, and cost on AWS?',
    '',
    '  --config <file>',
    '      A scenario as JSON, by the names in brackets; flags win.',
    '  --json',
    '      Print one JSON document, with a sample of every second.',
    '  --chart <file>',
    '      Draw rate, lag, event pollers and concurrency over time as SVG.',
    ...parameters.flatMap((parameter) => [
      `  --${parameter.flag}${valueName(parameter)}`,
      `      ${parameter.help}${initial(parameter)} [${parameter.path}]`,
    ]),
    '  --help',
    '      Show this text.',
    '',
  ].join('\n')
}

function valueName({ kind, words }: Parameter): string {
  if (kind === 'switch') return ''
  return ` <${words?.join('|') ?? kind}>`
}

function initial({ default: text, kind }: Parameter): string {
  return text === undefined || kind === 'switch' ? '' : ` Default: ${text.replaceAll('"', '')}.`
}

type Flags = Readonly<Record<string, string | boolean | undefined>>

function readFlags(argv: readonly string[]): Flags {
  const own = {
    config: { type: 'string' },
    chart: { type: 'string' },
    json: { type: 'boolean' },
  } as const
  const options = Object.fromEntries(
    parameters.map(({ flag, kind }) => [
      flag,
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...options, ...own },
      allowNegative: true,
    })
    return values
  } catch (error) {
    throw new AppError('CONFIG_INVALID', { setting: 'simulate', reason: reasonOf(error) }, error)
  }
}

async function scenarioOfFlags(flags: Flags): Promise<Scenario> {
  const path = flags['config']
  const values = new Map(typeof path === 'string' ? valuesOfJson(await read(path), path) : [])
  for (const parameter of parameters) {
    const given = flags[parameter.flag]
    if (given !== undefined) values.set(parameter.path, valueOfFlag(parameter, String(given)))
  }
  const name = typeof path === 'string' ? basename(path).replace(/\.json$/, '') : 'simulation'
  return scenarioOf(name, values)
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new AppError('INPUT_INVALID', { source: path, reason: reasonOf(error) }, error)
  }
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new AppError('INPUT_INVALID', { source: path, reason: reasonOf(error) }, error)
  }
}
