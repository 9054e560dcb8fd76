// Plays the scenario before a real Prometheus and writes a picture of each board: `make board-pictures`.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { boards } from '../../dashboards/boards.ts'
import { PrometheusClient } from '../../dashboards/prometheus-client.ts'
import { renderBoard } from '../../dashboards/render/page.ts'
import { ObservedPlatform } from '../support/observed-platform.ts'
import { findPrometheus } from '../support/prometheus.ts'
import { findChromium, takePicture } from './chromium.ts'
import type { Course } from './course.ts'
import { playScenario, workersArgs } from './scenario.ts'
import { playStreams } from './streams.ts'

const help = `Usage: node test/pictures/run.ts [--out docs/images] [--only NAME] [--pages DIR]

Starts broker, control, poller and workers, a load and a Prometheus on free ports of 127.0.0.1, plays two and a half
minutes of work and trouble, and a minute and a half of streams for the board of those, and writes a picture of each
board to --out. With --only a board's name there is that one alone. With --pages the web pages that the pictures were
taken of are kept there. Progress goes to standard error. Wants Prometheus, which
test/peers/install.sh unpacks, and Chromium: sudo apt-get install chromium
`
const wholeWithinMs = 8 * 60_000
const nameOf = (board: Dashboard): string => (board.uid ?? '').replace('millrace-', '')

const { values: flags } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    out: { type: 'string', default: 'docs/images' },
    only: { type: 'string' },
    pages: { type: 'string' },
  },
})
if (flags.help) {
  process.stdout.write(help)
  process.exit(0)
}

const startedAt = performance.now()
const step = (text: string): void => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stderr.write(`${seconds.padStart(6)} s  ${text}\n`)
}
const stopping = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => stopping.abort(new Error(`stopped by ${name}`)))
}
const deadline = setTimeout(() => {
  stopping.abort(new Error(`not done within ${wholeWithinMs / 1000} s`))
}, wholeWithinMs)

try {
  await takeAll(stopping.signal)
} catch (error) {
  process.stderr.write(
    `board-pictures: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exitCode = 1
} finally {
  clearTimeout(deadline)
}

interface Play {
  readonly workersArgs: readonly string[]
  readonly play: (platform: ObservedPlatform, course: Course) => Promise<void>
  readonly boards: readonly Dashboard[]
}

/** What has boards to show, of those that are wanted. */
function wantedPlays(): readonly Play[] {
  const wanted = boards.filter((board) => flags.only === undefined || nameOf(board) === flags.only)
  if (wanted.length === 0) throw new Error(`there is no board ${flags.only}`)
  const isOfStreams = (board: Dashboard): boolean => nameOf(board) === 'kinesis-streams'
  const plays: readonly Play[] = [
    { workersArgs, play: playScenario, boards: wanted.filter((board) => !isOfStreams(board)) },
    { workersArgs: [], play: playStreams, boards: wanted.filter(isOfStreams) },
  ]
  return plays.filter((play) => play.boards.length > 0)
}

async function takeAll(signal: AbortSignal): Promise<void> {
  const plays = wantedPlays()
  const chromium = findChromium()
  findPrometheus()
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-pictures-'))
  const pages = resolve(flags.pages ?? scratch)
  mkdirSync(flags.out, { recursive: true })
  mkdirSync(pages, { recursive: true })
  try {
    for (const play of plays) await take(play, { chromium, pages, signal })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Studio {
  readonly chromium: string
  readonly pages: string
  readonly signal: AbortSignal
}

async function take(
  { workersArgs: args, play, boards: shown }: Play,
  { chromium, pages, signal }: Studio,
): Promise<void> {
  let platform: ObservedPlatform | undefined
  try {
    step('start')
    const fromSeconds = Math.floor(Date.now() / 1000)
    platform = await ObservedPlatform.start(args, 'shipped')
    await play(platform, { signal, step })
    const span = { fromSeconds, toSeconds: Math.floor(Date.now() / 1000) }
    const prometheus = new PrometheusClient(platform.prometheusUrl)
    for (const board of shown) {
      const { html, ...size } = await renderBoard(board, prometheus, span)
      const page = join(pages, `${nameOf(board)}.html`)
      const path = resolve(flags.out, `${nameOf(board)}.png`)
      writeFileSync(page, html)
      await takePicture(chromium, { page, path, ...size, signal })
      step(`${path}: ${Math.ceil(statSync(path).size / 1000)} kB`)
    }
  } finally {
    step('stop')
    await platform?.stop()
  }
}
