// Runs the fast part of librdkafka's own suite; `make test-librdkafka` runs all of what must pass.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SuiteRunner } from '../librdkafka/runner.ts'
import { findGaps, nameOf, readAllowed, readSuite, resolve } from '../librdkafka/suite.ts'

const suite = readSuite()
const fast = resolve(
  readAllowed().filter(({ isFast }) => isFast),
  suite,
)

let runner: SuiteRunner
beforeAll(async () => {
  runner = await SuiteRunner.create({ isQuick: true, timeoutMs: 60_000 })
})
afterAll(() => runner.remove())

test('every test of the suite that needs a broker must pass, or is left out for a reason', () => {
  expect(findGaps(suite)).toEqual([])
})

// A second run, because many of them have deadlines, which a machine that is busy for a moment misses.
test.each(fast.map((wanted) => [nameOf(wanted), wanted] as const))(
  '%s',
  { retry: 1 },
  async (_name, wanted) => {
    expect(await runner.run(wanted)).toMatchObject({ state: 'passed', reason: '' })
  },
)
