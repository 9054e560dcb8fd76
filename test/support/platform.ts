// Starts the real program in a process of its own on free ports, and ends it again.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = new URL('../..', import.meta.url).pathname

export interface Platform {
  /** `host:port` of the Kafka door. */
  readonly kafka: string
  /** URL of the AWS door. */
  readonly aws: string
  /** URL on which workers in a process of their own take Invoke. */
  readonly workers: string
  /** URL of the scrape. */
  readonly metrics: string
  /** Every door by its name, those of further Kafka listeners too. */
  readonly doors: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly pid: number
  /** All that the platform wrote to standard error so far. */
  log(): string
  /** The same of standard output. */
  stdout(): string
  /** SIGTERM; resolves with the exit code. Removes the data directory unless it was handed in. */
  stop(): Promise<number | null>
  /** SIGKILL; the data directory stays, to be handed to the next start. */
  kill9(): Promise<void>
}

export interface PlatformOptions {
  /** `all` unless given; the doors of other roles are empty texts. */
  readonly role?: 'broker' | 'control' | 'poller' | 'workers' | 'all'
  readonly args?: readonly string[]
  /** A directory of an earlier life; a fresh temporary one unless given. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Resolves when the ready line is out; rejects with standard error if the process ends before it. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'millrace-')))
  const child = spawn(
    process.execPath,
    ['main.ts', options.role ?? 'all', '--data-dir', dataDir, ...(options.args ?? [])],
    {
      cwd: root,
      env: {
        ...process.env,
        MILLRACE_KAFKA_PORT: '0',
        MILLRACE_AWS_PORT: '0',
        MILLRACE_KINESIS_PORT: '0',
        MILLRACE_METRICS_PORT: '0',
        MILLRACE_WORKERS_PORT: '0',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const doors = await readyLine(child, () => stderr)
  return {
    ...noDoors,
    ...doors,
    doors,
    dataDir,
    pid: child.pid ?? 0,
    log: () => stderr,
    stdout: () => stdout,
    stop: async () => {
      const code = await end(child, 'SIGTERM')
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
      return code
    },
    kill9: async () => {
      await end(child, 'SIGKILL')
    },
  }
}

/** Runs a command of the program to its end. */
export function run(
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['main.ts', ...args], {
      cwd: root,
      env: { ...process.env, ...options.env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.end(options.input ?? '')
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
  })
}

type Doors = Pick<Platform, 'kafka' | 'aws' | 'workers' | 'metrics'>

const noDoors: Doors = { kafka: '', aws: '', workers: '', metrics: '' }

function readyLine(child: ChildProcess, stderr: () => string): Promise<Partial<Doors>> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('the platform has no standard output'))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('millrace ready ')) resolve(JSON.parse(line.slice(15)) as Partial<Doors>)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the platform ended with ${code}: ${stderr()}`)))
  })
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code))
    child.kill(signal)
  })
}
