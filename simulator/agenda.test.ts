// Tests that what is put down happens in its order of time.
import { expect, test } from 'vitest'
import { Agenda } from './agenda.ts'
import { randomFrom } from './random.ts'

test('everything happens in the order of its time, and of its entry at the same time', () => {
  const agenda = new Agenda()
  const random = randomFrom(7, 'agenda')
  const happened: [number, number][] = []
  for (let order = 0; order < 500; order++) {
    const atMs = Math.floor(random() * 100)
    agenda.at(atMs, () => happened.push([atMs, order]))
  }
  agenda.run(49)
  expect(happened.every(([atMs]) => atMs <= 49)).toBe(true)
  expect(agenda.nextMs).toBe(50)
  agenda.run(1000)
  expect(happened).toHaveLength(500)
  expect(happened).toEqual(happened.toSorted(([a, i], [b, j]) => a - b || i - j))
  expect(agenda.nextMs).toBe(Infinity)
})

test('what follows at the same moment happens as well', () => {
  const agenda = new Agenda()
  const happened: string[] = []
  agenda.at(5, () => {
    agenda.at(5, () => happened.push('then'))
    agenda.at(6, () => happened.push('later'))
    happened.push('first')
  })
  agenda.run(5)
  expect(happened).toEqual(['first', 'then'])
  agenda.run(6)
  expect(happened).toEqual(['first', 'then', 'later'])
})
