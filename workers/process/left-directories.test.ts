// Tests who gets a temporary directory that a crash has left, and for how long it waits.
import { existsSync } from 'node:fs'
import { onTestFinished, expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { LeftDirectories } from './left-directories.ts'
import { PrivateDirectories } from './private-directories.ts'

function open() {
  const clock = new ManualClock()
  const directories = new PrivateDirectories()
  onTestFinished(() => directories.close())
  return { clock, left: new LeftDirectories({ directories, clock, keptMs: 1000 }) }
}

const gone = (directory: string) =>
  eventually(
    () => Promise.resolve(existsSync(directory) ? undefined : true),
    () => `${directory} to go`,
  )

test('the one that was left last is given on, once', async () => {
  const { left } = open()
  const [one, two] = [await left.take(), await left.take()]
  left.leave(one)
  left.leave(two)
  expect(await left.take()).toBe(two)
  expect(await left.take()).toBe(one)
  expect([one, two]).not.toContain(await left.take())
})

test('one that nobody takes goes in time, and one that was taken does not', async () => {
  const { clock, left } = open()
  const [one, two] = [await left.take(), await left.take()]
  left.leave(one)
  left.leave(two)
  expect(await left.take()).toBe(two)
  clock.advance(1000)
  await gone(one)
  expect(existsSync(two)).toBe(true)
})

test('closing removes what waits, and what is left afterwards', async () => {
  const { left } = open()
  const [one, two] = [await left.take(), await left.take()]
  left.leave(one)
  await left.close()
  expect(existsSync(one)).toBe(false)
  left.leave(two)
  await gone(two)
})
