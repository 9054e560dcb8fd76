// Tests what a person has to find in a chart: limits, zero, the highest lines, and that others are left out.
import { expect, test } from 'vitest'
import { chart, type ChartOptions } from './chart.ts'
import type { Line } from './panel-data.ts'

const line = (name: string, ...values: readonly number[]): Line => ({
  name,
  refId: 'A',
  labels: {},
  points: values.map((value, i) => [100 + 10 * i, value] as const),
})

function drawn(options: Partial<ChartOptions>): string {
  const size = { width: 400, height: 240, fromSeconds: 100, toSeconds: 200 }
  const manner = {
    unit: 'short',
    stacked: false,
    stepped: false,
    signed: false,
    marks: [],
    lines: [],
  }
  return chart({ ...size, ...manner, ...options })
}

const axisOf = (svg: string): readonly string[] =>
  [...svg.matchAll(/text-anchor="end">([^<]+)</g)].map(([, text = '']) => text)
const legendOf = (html: string): readonly string[] =>
  [...html.matchAll(/<\/i>([^<]+)</g)].map(([, text = '']) => text)

test('a count that is set now and then stays until it is set', () => {
  const html = drawn({ stepped: true, lines: [line('pollers', 1, 2)] })
  const [, path = ''] = /<path d="M([^"]+)"/.exec(html) ?? []
  const [from, until, to] = path.split('L').map((corner) => corner.split(' ').map(Number))
  expect(until).toEqual([to?.[0], from?.[1]])
})

test('a line has a gap where points are missing, and none where a long time has few', () => {
  const { points } = line('f', 1, 1, 1, 1)
  const missing = { ...line('f'), points: points.filter(([seconds]) => seconds !== 110) }
  const starts = (html: string): number => (/ d="([^"]+)"/.exec(html)?.[1] ?? '').split('M').length
  expect(starts(drawn({ lines: [missing] }))).toBe(3)
  expect(starts(drawn({ lines: [missing], toSeconds: 100 + 3600 }))).toBe(2)
})

test('a limit is in the picture even where every line stays far below it', () => {
  const html = drawn({ unit: 'percentunit', limit: 1, lines: [line('f', 0.1, 0.2)] })
  expect(html).toContain('stroke-dasharray="8 6"')
  expect(axisOf(html).at(-1)).toBe('100%')
})

test('an axis that goes below zero has zero on it', () => {
  const html = drawn({ signed: true, lines: [line('trend', 730, -610)] })
  expect(axisOf(html)).toEqual(['-1 K', '-500', '0', '500', '1 K'])
})

test('a line at the top of its axis does not lie on its edge', () => {
  const [, y] = /<path d="M62\.0 ([\d.]+)/.exec(drawn({ lines: [line('up', 1, 1)] })) ?? []
  expect(Number(y)).toBeGreaterThan(10)
})

test('the legend has the highest lines first and says how many it leaves out', () => {
  const lines = [3, 9, 1, 7, 5, 8].map((value) => line(`f${value}`, value))
  const html = drawn({ lines })
  expect(legendOf(html)).toEqual(['f9', 'f8', 'f7', 'f5'])
  expect(html).toContain('and 2 more')
  expect(legendOf(drawn({ lines, width: 700 }))).toHaveLength(6)
})

test('a mark has a line where it begins and a bar for as long as it lasts', () => {
  const mark = { name: 'Alerts', colour: 'red', fromSeconds: 150, toSeconds: 175 }
  const html = drawn({ lines: [line('f', 1)], marks: [mark] })
  // From 62 on the left to 10 from the right are 328 pixels for 100 seconds.
  expect(html).toContain('x1="226.0" x2="226.0"')
  expect(html).toMatch(/<rect x="224.5" y="[\d.]+" width="82.0" height="3" fill="#f2495c"/)
})
