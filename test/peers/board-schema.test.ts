// Holds the boards against Grafana's own schema, as its Go SDK reads it strictly.
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { expect, onTestFinished, test } from 'vitest'
import { runTool, succeed } from './tool.ts'

/** Built by install.sh from board-schema/main.go. */
const checker = '.cache/peers/board-schema'
const boards = globSync('dashboards/grafana/boards/*.json')

test('every board is read strictly: no unknown member, no value of another type or out of bounds', async () => {
  expect(boards.length).toBeGreaterThan(0)
  const said = await succeed(checker, boards)
  expect(said.toString()).toBe(`${boards.length} boards are what the schema says\n`)
})

/** What must be told of a board of which one thing is wrong. */
const wrongs: Readonly<Record<string, [(board: Dashboard, panel: Panel) => void, RegExp]>> = {
  'a member of the board': [(board) => Object.assign(board, { colour: 1 }), /unexpected.*colour/],
  'the type of a title': [(board) => Object.assign(board, { title: 1 }), /title: .*number/],
  'a member of a panel': [(_, panel) => Object.assign(panel, { colour: 1 }), /Panel: .*colour/],
  'a place on the grid': [
    (_, panel) => Object.assign(panel, { gridPos: { x: 0, y: 0, w: 'wide', h: 1 } }),
    /gridPos\.w/,
  ],
  'an option of a kind of panel': [
    (_, panel) => Object.assign(panel.options as object, { colour: 1 }),
    /options.*colour/,
  ],
  'the type of such an option': [
    (_, panel) => Object.assign(panel.options as object, { legend: 1 }),
    /options\.legend/,
  ],
  'the look of lines': [
    (_, panel) => Object.assign(panel.fieldConfig?.defaults.custom as object, { lineWidth: 'x' }),
    /custom\.lineWidth/,
  ],
  'the configuration of fields': [
    (_, panel) => Object.assign(panel.fieldConfig?.defaults ?? {}, { colour: 1 }),
    /colour/,
  ],
  'a member of a query': [
    (_, panel) => Object.assign(panel.targets?.[0] ?? {}, { colour: 1 }),
    /colour/,
  ],
  'the type of an expression': [
    (_, panel) => Object.assign(panel.targets?.[0] ?? {}, { expr: 1 }),
    /expr/,
  ],
  'a variable': [
    (board) => Object.assign(board.templating.list?.[0] ?? {}, { colour: 1 }),
    /VariableModel: .*colour/,
  ],
  'an annotation': [
    (board) => Object.assign(board.annotations.list?.[0] ?? {}, { colour: 1 }),
    /AnnotationQuery: .*colour/,
  ],
}

test.each(Object.entries(wrongs))('%s that is wrong is found', async (_what, [spoil, message]) => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-board-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = 'dashboards/grafana/boards/concurrency-and-scaling.json'
  const board = JSON.parse(readFileSync(path, 'utf8')) as Dashboard
  const panel = board.panels?.find(({ type }) => type === 'timeseries')
  spoil(board, panel as Panel)
  const file = join(directory, 'board.json')
  await writeFile(file, JSON.stringify(board))
  const { code, stdout } = await runTool(checker, [file])
  expect(code).toBe(1)
  expect(stdout.toString()).toMatch(message)
})
