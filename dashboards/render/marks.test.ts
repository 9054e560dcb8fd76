// Tests what is marked on panels: when, for how long, and how often.
import { expect, test } from 'vitest'
import { board, marksOf as momentsMarked } from '../board.ts'
import { series } from '../panels.ts'
import type { Series } from '../prometheus-client.ts'
import { marksOf } from './marks.ts'

const drawn = board({
  name: 'any',
  title: 'Any',
  description: 'Any.',
  variables: [],
  marks: [
    momentsMarked({
      name: 'Moments',
      colour: 'purple',
      seconds: 'moment_seconds',
      title: 'a moment',
      text: 'it was',
    }),
  ],
  rows: {
    '': [series({ title: 'Any', description: 'Any.', unit: 's', width: 8, queries: [] })],
  },
})
const span = { fromSeconds: 100, toSeconds: 200 }

/** Answers expressions that begin so, and any other with nothing. */
function prometheus(answers: Readonly<Record<string, Series['points']>>) {
  return {
    queryRange: (expression: string) => {
      const found = Object.entries(answers).find(([start]) => expression.startsWith(start))
      return Promise.resolve(found === undefined ? [] : [{ labels: {}, points: found[1] }])
    },
  }
}

test('an alert is marked each time that it fires, for as long as it does', async () => {
  const fires = prometheus({
    ALERTS: [110, 111, 112, 150, 151].map((seconds) => [seconds, 1] as const),
  })
  expect(await marksOf(drawn, fires, span)).toEqual([
    { name: 'Alerts', colour: 'red', fromSeconds: 110, toSeconds: 112 },
    { name: 'Alerts', colour: 'red', fromSeconds: 150, toSeconds: 151 },
  ])
})

test('a moment is marked once, however long it is the last, and not where it lies outside', async () => {
  const points = [
    [100, 90_000],
    [130, 120_000],
    [131, 120_000],
    [190, 180_500],
  ] as const
  expect(await marksOf(drawn, prometheus({ moment_seconds: points }), span)).toEqual([
    { name: 'Moments', colour: 'purple', fromSeconds: 120, toSeconds: 120 },
    { name: 'Moments', colour: 'purple', fromSeconds: 180.5, toSeconds: 180.5 },
  ])
})
