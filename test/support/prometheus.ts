// Runs a real Prometheus on a free port with our configuration, quickened so that a test can wait for it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const root = new URL('../..', import.meta.url).pathname

/** The programs that test/peers/install.sh unpacks, or the machine's own. */
export function prometheusTool(name: 'prometheus' | 'promtool'): string {
  const unpacked = join(root, '.cache/peers/prometheus/usr/bin', name)
  return existsSync(unpacked) ? unpacked : name
}

/** Throws a sentence with the command that installs it where there is none. */
export function findPrometheus(): void {
  if (spawnSync(prometheusTool('prometheus'), ['--version']).status === 0) return
  throw new Error('there is no Prometheus; unpack it: test/peers/install.sh')
}

export interface RunningPrometheus {
  readonly url: string
  stop(): Promise<void>
}

interface Configuration {
  global: Record<string, unknown>
  rule_files: string[]
  scrape_configs: { job_name: string; static_configs?: unknown; dns_sd_configs?: unknown }[]
}
interface Rules {
  groups: { rules: { alert: string; expr: string; for?: string }[] }[]
}

/**
 * `quickened`: scrapes and evaluates once a second, with the spans in alerts that the function of this name gives.
 * `shipped`: every two seconds, so that minutes have lines, with the alerts as they are.
 */
export type Pace = 'quickened' | 'shipped'

/** `targets`: `host:port` of each job of dashboards/prometheus.yml. */
export async function startPrometheus(
  targets: Readonly<Record<string, string>>,
  pace: Pace,
): Promise<RunningPrometheus> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-prometheus-'))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  await writeFile(join(directory, 'alerts.yml'), rulesAt(pace))
  await writeFile(
    join(directory, 'prometheus.yml'),
    configuration({ ...targets, prometheus: address }, pace),
  )
  const child = spawn(prometheusTool('prometheus'), [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    '--log.level=warn',
  ])
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.once('error', (error) => (said += error.message))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = `http://${address}`
  await eventually(
    async () => ((await isReady(url)) ? true : undefined),
    () => `Prometheus is ready: ${said}`,
  )
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM')
      await ended
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

const readDashboards = (name: string): string =>
  readFileSync(join(root, 'dashboards', name), 'utf8')

function configuration(targets: Readonly<Record<string, string>>, pace: Pace): string {
  const shipped = parse(readDashboards('prometheus.yml')) as Configuration
  const scrape_configs = shipped.scrape_configs.map(({ job_name }) => {
    const target = targets[job_name]
    if (target === undefined) throw new Error(`no target for job ${job_name}`)
    return { job_name, static_configs: [{ targets: [target] }] }
  })
  const every = pace === 'quickened' ? '1s' : '2s'
  const often = { scrape_interval: every, scrape_timeout: every, evaluation_interval: every }
  return stringify({ ...shipped, global: { ...shipped.global, ...often }, scrape_configs })
}

function rulesAt(pace: Pace): string {
  const shipped = readDashboards('alerts.yml')
  if (pace === 'shipped') return shipped
  const rules = parse(shipped) as Rules
  for (const rule of rules.groups.flatMap((group) => group.rules)) {
    rule.expr = quickened(rule.expr)
    if (rule.for !== undefined) rule.for = '2s'
  }
  return stringify(rules)
}

/** The same expression for a test that waits seconds, not minutes. */
export function quickened(expression: string): string {
  return expression
    .replaceAll('[5m]', '[15s]')
    .replaceAll(/\[[12]m\]/g, '[10s]')
    .replaceAll('> 60', '> 3')
}
