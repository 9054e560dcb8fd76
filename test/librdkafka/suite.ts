// What librdkafka's own test suite consists of, and which of its tests must pass here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('../..', import.meta.url).pathname
export const testsFolder = join(root, '.cache/peers/librdkafka/tests')

/** What a test wants of its broker: that it creates no topics by itself, that it is encrypted, a login. */
export type Scenario = 'default' | 'noautocreate' | 'ssl' | 'sasl'

export interface SuiteTest {
  /** `0012_produce_consume`. The first four characters choose it, with all that share them. */
  readonly name: string
  readonly scenario: Scenario
  /** Expected to fail by librdkafka's own authors: it runs only when asked for. */
  readonly isKnownIssue: boolean
}

/** One run of the suite's program: a test, or of a test that does not pass as a whole one part that does. */
export interface Wanted {
  readonly test: SuiteTest
  /** A function's name, as `do_test_DeleteRecords`; the suite calls it a sub test. */
  readonly part: string | undefined
}

export interface AllowedTest {
  /** `0012_produce_consume`, or `0081_admin/do_test_DeleteRecords`. */
  readonly name: string
  readonly isFast: boolean
  /** Takes minutes: it is begun first. */
  readonly isSlow: boolean
}

export const nameOf = ({ test, part }: Wanted): string =>
  part === undefined ? test.name : `${test.name}/${part}`

/** All that need a broker, in their order; the others run against librdkafka's own mock, or nothing. */
export function readSuite(): readonly SuiteTest[] {
  const source = readBuilt(join(testsFolder, 'test.c'))
  const list = source.slice(source.indexOf('struct test tests[]'))
  const rows = list.matchAll(/_TEST\((\d{4}_\w+),([^;]*?)\),\s*(?=_TEST\(|\/\*|#|\{)/g)
  return [...rows]
    .map(([, name = '', settings = '']) => ({
      name,
      scenario: scenarioOf(name, settings),
      isKnownIssue: /\bTEST_F_KNOWN_ISSUE\b/.test(settings),
      isLocal: /\bTEST_F_(?:LOCAL|MANUAL)\b/.test(settings),
    }))
    .filter(({ isLocal }) => !isLocal)
    .map(({ name, scenario, isKnownIssue }) => ({ name, scenario, isKnownIssue }))
}

export function readAllowed(): readonly AllowedTest[] {
  const lines = readFileSync(new URL('allow.txt', import.meta.url), 'utf8').split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name = '', mark] = line.split(/\s+/)
      if (mark !== undefined && !/^(?:fast|slow)$/.test(mark)) throw new Error(`allow.txt: ${line}`)
      return { name, isFast: mark === 'fast', isSlow: mark === 'slow' }
    })
}

/** What the list wants run; throws for a line that names no test. */
export function resolve(allowed: readonly AllowedTest[], suite: readonly SuiteTest[]): Wanted[] {
  return allowed.map(({ name }) => {
    const [testName, part] = name.split('/')
    const test = suite.find((each) => each.name === testName)
    if (test === undefined) throw new Error(`allow.txt: the suite has no test ${name}`)
    return { test, part }
  })
}

/** Tests that docs/compatibility.md has a row for, with the reason why they are not on the list. */
export function readLeftOut(): readonly string[] {
  const page = readFileSync(join(root, 'docs/compatibility.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (\d{4}_\w+(?:, \d{4}_\w+)*) \|/gm)]
  return rows.flatMap(([, names = '']) => names.split(', '))
}

/** What keeps the list from shrinking in silence: sentences, none when all is in order. */
export function findGaps(suite: readonly SuiteTest[]): readonly string[] {
  const allowed = readAllowed().map(({ name }) => name)
  const leftOut = readLeftOut()
  const known = new Set(suite.map(({ name }) => name))
  const unexplained = [...known].filter(
    (name) => !allowed.includes(name) && !leftOut.includes(name),
  )
  return [
    ...unexplained.map((name) => `${name} is neither in allow.txt nor in docs/compatibility.md`),
    ...allowed
      .filter((name) => leftOut.includes(name))
      .map((name) => `${name} is in allow.txt and in docs/compatibility.md`),
    ...leftOut
      .filter((name) => !known.has(name))
      .map((name) => `${name} is no test of the suite that needs a broker`),
  ]
}

function scenarioOf(name: string, settings: string): Scenario {
  if (name.startsWith('0097_')) return 'ssl'
  if (name.startsWith('0135_')) return 'sasl'
  return settings.includes('scenario = "noautocreate"') ? 'noautocreate' : 'default'
}

function readBuilt(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error('librdkafka is not built: run "test/peers/librdkafka.sh"', { cause: error })
  }
}
