// Drives a copy of the project with docker compose, as a user in a fresh clone would.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../support/eventually.ts'

const root = new URL('../..', import.meta.url).pathname
const execute = promisify(execFile)

/** Tells the stack of a test from the one that somebody may have at work. */
const project = 'millrace-test'

interface Inspected {
  readonly Name: string
  readonly RestartCount: number
  readonly State: { readonly Pid: number; readonly Status: string; readonly Health?: Health }
}
interface Health {
  readonly Status: string
}

export interface Usage {
  readonly memoryMiB: number
  readonly cpuPercent: number
}

/** One compose project in a directory of its own; `remove` takes its volumes along. */
export class Stack {
  readonly #directory: string

  private constructor(directory: string) {
    this.#directory = directory
  }

  /** A copy of what git has or would have: nothing that was installed or left behind here. */
  static async create(): Promise<Stack> {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
    const flags = ['--cached', '--others', '--exclude-standard', '-z']
    const { stdout } = await execute('git', ['ls-files', ...flags], { cwd: root })
    for (const file of new Set(stdout.split('\0'))) {
      // Deleted, and not committed yet.
      const isThere = await stat(join(root, file)).then(
        (s) => s.isFile(),
        () => false,
      )
      if (isThere) await cp(join(root, file), join(directory, file))
    }
    return new Stack(directory)
  }

  compose(...args: readonly string[]): Promise<string> {
    return this.docker('compose', '--project-name', project, ...args)
  }

  /** Resolves with standard output; rejects with standard error. */
  async docker(...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('docker', args, {
      cwd: this.#directory,
      maxBuffer: 512 * 1024 * 1024,
    })
    return stdout
  }

  /** Resolves with the milliseconds until every container was healthy. */
  async up(...files: readonly string[]): Promise<number> {
    const started = performance.now()
    await this.compose(...files, 'up', '--detach', '--wait', '--wait-timeout', '60')
    return Math.round(performance.now() - started)
  }

  async services(): Promise<readonly string[]> {
    return (await this.compose('ps', '--all', '--services')).trim().split('\n').toSorted()
  }

  /** Runs so many copies of services from now on; resolves when all are healthy. */
  async scale(copies: Readonly<Record<string, number>>): Promise<void> {
    const scales = Object.entries(copies).flatMap(([name, n]) => ['--scale', `${name}=${n}`])
    await this.compose('up', '--detach', '--wait', '--wait-timeout', '60', ...scales)
  }

  container(service: string, copy = 1): string {
    return `${project}-${service}-${copy}`
  }

  async inspect(service: string, copy = 1): Promise<Inspected> {
    const text = await this.docker('inspect', this.container(service, copy))
    const [inspected] = JSON.parse(text) as readonly Inspected[]
    if (inspected === undefined) throw new Error(`there is no container of ${service}`)
    return inspected
  }

  /** Of all copies, both streams: handlers' lines are on standard error, the ready line on standard output. */
  async logs(service: string, since = '24h'): Promise<string> {
    return this.compose('logs', '--no-color', '--no-log-prefix', '--since', since, service)
  }

  /** Kills the container's first process as a crash would: the engine is to start it again. */
  async crash(service: string): Promise<void> {
    const { State } = await this.inspect(service)
    const kill = `process.kill(${State.Pid}, 'SIGKILL')`
    const alone = ['--rm', '--network', 'none', '--pid', 'host', '--user', 'root']
    await this.docker('run', ...alone, '--entrypoint', 'node', 'millrace:local', '-e', kill)
    await this.healthy(service, { also: ({ State: now }) => now.Pid !== State.Pid })
  }

  /** `docker kill`, after which an engine starts nothing by itself, and a start. */
  async killAndStart(service: string): Promise<void> {
    await this.docker('kill', this.container(service))
    await this.docker('start', this.container(service))
    await this.healthy(service)
  }

  async healthy(
    service: string,
    { copy = 1, also = () => true }: { copy?: number; also?: (now: Inspected) => boolean } = {},
  ): Promise<void> {
    let last = ''
    await eventually(
      async () => {
        const now = await this.inspect(service, copy)
        last = JSON.stringify(now.State.Health ?? now.State.Status).slice(0, 500)
        const isUp = now.State.Status === 'running' && now.State.Health?.Status === 'healthy'
        return isUp && now.State.Pid > 0 && also(now) ? true : undefined
      },
      () => `${service} is healthy; it is ${last}`,
      60_000,
    )
  }

  /** What `docker stats` shows of each service: the median of some looks. */
  async usage(looks: number): Promise<Readonly<Record<string, Usage>>> {
    const seen = new Map<string, Usage[]>()
    for (let look = 0; look < looks; look++) {
      const text = await this.docker('stats', '--no-stream', '--format', 'json')
      for (const line of text.trim().split('\n')) {
        const {
          Name = '',
          MemUsage = '',
          CPUPerc = '',
        } = JSON.parse(line) as Record<string, string>
        const service = Name.slice(project.length + 1, -2)
        if (!Name.startsWith(`${project}-`)) continue
        const usage = { memoryMiB: mebibytes(MemUsage), cpuPercent: Number.parseFloat(CPUPerc) }
        seen.set(service, [...(seen.get(service) ?? []), usage])
      }
    }
    return Object.fromEntries(
      [...seen].map(([service, usages]) => [
        service,
        {
          memoryMiB: median(usages.map(({ memoryMiB }) => memoryMiB)),
          cpuPercent: median(usages.map(({ cpuPercent }) => cpuPercent)),
        },
      ]),
    )
  }

  async imageMB(): Promise<number> {
    const bytes = await this.docker('image', 'inspect', '--format', '{{.Size}}', 'millrace:local')
    return Math.round(Number(bytes) / 1e6)
  }

  /** The path of a file to use beside compose.yaml, with this text. */
  path(name: string): string {
    return join(this.#directory, name)
  }

  async down(...flags: readonly string[]): Promise<void> {
    await this.compose('--profile', '*', 'down', ...flags)
  }

  async remove(): Promise<void> {
    await this.down('--volumes', '--remove-orphans')
    if (dirname(this.#directory) === tmpdir()) await rm(this.#directory, { recursive: true })
  }
}

function mebibytes(usage: string): number {
  const [, amount, unit = ''] = /^([\d.]+)([KMG]?)i?B/.exec(usage) ?? []
  return Number(amount) * ({ K: 1 / 1024, M: 1, G: 1024 }[unit] ?? 1 / 1024 ** 2)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
