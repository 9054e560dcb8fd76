// Draws the boards as web pages from a Prometheus, without Grafana: `node dashboards/render.ts URL DIRECTORY [MINUTES]`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { boards } from './boards.ts'
import { PrometheusClient } from './prometheus-client.ts'
import { renderBoard } from './render/page.ts'

const [url, directory, minutes = '5'] = process.argv.slice(2)
if (url === undefined || directory === undefined) {
  process.stderr.write('node dashboards/render.ts URL DIRECTORY [MINUTES]\n')
  process.exit(2)
}
const toSeconds = Math.floor(Date.now() / 1000)
const fromSeconds = toSeconds - Number(minutes) * 60
mkdirSync(directory, { recursive: true })
for (const board of boards) {
  const path = join(directory, `${(board.uid ?? '').replace('millrace-', '')}.html`)
  const page = await renderBoard(board, new PrometheusClient(url), { fromSeconds, toSeconds })
  writeFileSync(path, page.html)
  process.stdout.write(`${path}\n`)
}
