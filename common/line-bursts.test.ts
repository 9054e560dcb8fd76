// Tests when lines are written, with turns that end when the test says so.
import { beforeEach, expect, test } from 'vitest'
import { LineBursts } from './line-bursts.ts'
import { logBurstMaxChars } from './log-limits.ts'

let written: string[]
let turnEnds: (() => void)[]
let bursts: LineBursts
beforeEach(() => {
  written = []
  turnEnds = []
  bursts = new LineBursts(
    (lines) => written.push(lines),
    (callback) => turnEnds.push(callback),
  )
})

const endTurn = (): void => {
  for (const callback of turnEnds.splice(0)) callback()
}

test('the first line of a turn is written at once, the others together at its end', () => {
  for (const line of ['a\n', 'b\n', 'c\n']) bursts.add(line)
  expect(written).toEqual(['a\n'])
  endTurn()
  expect(written).toEqual(['a\n', 'b\nc\n'])
  bursts.add('d\n')
  expect(written.at(-1)).toBe('d\n')
  endTurn()
  expect(written).toHaveLength(3)
})

test('many lines do not wait for the end of the turn, and none is lost or twice', () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`)
  for (const line of lines) bursts.add(line)
  expect(written.length).toBeGreaterThan(1)
  expect(Math.max(...written.map(({ length }) => length))).toBeLessThan(logBurstMaxChars + 20)
  endTurn()
  expect(written.join('')).toBe(lines.join(''))
})

test('what is held is written when the process ends', () => {
  bursts.add('a\n')
  bursts.add('b\n')
  bursts.flush()
  expect(written).toEqual(['a\n', 'b\n'])
  endTurn()
  expect(written).toEqual(['a\n', 'b\n'])
})
