// The command that checks a broker's data directory: takes the lock, reads everything, says what it found.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { claimDirectory } from '../common/data-dir.ts'
import { AppError } from '../common/errors.ts'
import { ProducerIds } from './transactions/producer-ids.ts'
import type { CheckReport, Finding } from './log/check-report.ts'
import { nodeFileSystem } from './log/file-system.ts'
import { checkLog } from './log/log-check.ts'

export interface CheckProgram {
  readonly clock: Clock
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
}

const progressIntervalMs = 2_000

export const checkHelp = [
  'Usage: node main.ts check <directory> [--json]',
  '',
  'Reads the log in a data directory that no broker has open, and changes nothing: every batch,',
  'checksum and offset, the indexes, the write-ahead log, the checkpoint and the topics. Says',
  'what is wrong, where, and what a start of the broker would do with it.',
  '',
  '  --json',
  '      Print one JSON document.',
  '  --help',
  '      Show this text.',
  '',
  'Exit code: 0 nothing is damaged, 1 something is, 2 it could not be checked.',
  '',
].join('\n')

/** `node main.ts check`: resolves with the exit code. */
export async function runCheck(argv: readonly string[], program: CheckProgram): Promise<number> {
  const { stdout, stderr } = program
  if (argv.includes('--help') || argv.includes('-h')) {
    stdout.write(checkHelp)
    return 0
  }
  const paths = argv.filter((arg) => !arg.startsWith('-'))
  const unknown = argv.find((arg) => arg.startsWith('-') && arg !== '--json')
  const [path] = paths
  if (path === undefined || paths.length > 1 || unknown !== undefined) {
    const reason = unknown === undefined ? 'one directory is due' : `there is no ${unknown}`
    stderr.write(`millrace: check: ${reason}\n\n${checkHelp}`)
    return 2
  }
  try {
    const directory = await brokerDirectory(path)
    const report = await checkLocked(directory, program)
    const text = argv.includes('--json') ? asJson(directory, report) : asText(directory, report)
    stdout.write(text)
    return report.findings.some(({ kind }) => kind === 'damage') ? 1 : 0
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    stderr.write(`millrace: ${error.message}\n`)
    return 2
  }
}

/** The broker's part of a data directory, which may be named itself. */
async function brokerDirectory(path: string): Promise<string> {
  for (const directory of [join(path, 'broker'), path]) {
    if (await isDirectory(join(directory, 'log'))) return directory
  }
  throw new AppError('INPUT_INVALID', { source: path, reason: 'no broker has kept a log there' })
}

async function checkLocked(directory: string, program: CheckProgram): Promise<CheckReport> {
  const lock = claimDirectory(directory)
  try {
    const dir = join(directory, 'log')
    const report = await checkLog({ files: nodeFileSystem, dir, progress: progressTo(program) })
    await checkProducerIds(directory, report)
    return report
  } finally {
    lock.release()
  }
}

async function checkProducerIds(directory: string, report: CheckReport): Promise<void> {
  try {
    await ProducerIds.open(nodeFileSystem, directory)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'LOG_CORRUPT') throw error
    const file = join(directory, 'producer-ids')
    report.damage(file, 0, error.message, 'ends with LOG_CORRUPT')
  }
}

function progressTo({ clock, stderr }: CheckProgram): (report: CheckReport) => void {
  let saidMs = clock.now()
  return ({ counts }) => {
    const now = clock.now()
    if (now - saidMs < progressIntervalMs) return
    saidMs = now
    stderr.write(`${megabytes(counts.bytes)} of ${megabytes(counts.bytesInAll)} MB\n`)
  }
}

function asJson(directory: string, { counts, findings }: CheckReport): string {
  return `${JSON.stringify({ directory, ...counts, findings }, undefined, 2)}\n`
}

function asText(directory: string, { counts, findings }: CheckReport): string {
  const { topics, partitions, segments, batches, bytes } = counts
  const damaged = findings.filter(({ kind }) => kind === 'damage').length
  const verdict = damaged === 0 ? 'nothing wrong' : `${damaged} damaged`
  return [
    ...findings.map(asLines),
    `${directory}: ${topics} topics, ${partitions} partitions, ${segments} segments, ${batches} batches, ${megabytes(bytes)} MB: ${verdict}`,
    '',
  ].join('\n')
}

function asLines({ kind, file, position, problem, start }: Finding): string {
  const where = position === undefined ? file : `${file} at ${position}`
  return `${kind}: ${where}: ${problem}\n  a start ${start}`
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
