// Runs librdkafka's own suite: the list of what must pass, all of it, or single tests; prints a table and JSON.
import { parseArgs } from 'node:util'
import { SuiteRunner, type TestOutcome } from './runner.ts'
import { findGaps, nameOf, readAllowed, readSuite, resolve, type Wanted } from './suite.ts'

const { values: flags, positionals: numbers } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '3' },
    log: { type: 'boolean', default: false },
  },
})

const suite = readSuite()
const list = readAllowed()
const allowed = new Set(list.map(({ name }) => name))
const startedAt = performance.now()
const wanted = choose()
const first = await runAll(wanted, Number(flags.jobs))
// Many of the tests have deadlines: on a machine that is busy for a moment one may miss its own.
const again = wanted.filter((each) => isBroken(first.find(({ name }) => name === nameOf(each))))
if (again.length > 0) say('once more, by themselves:')
const second = await runAll(again, 1)
const outcomes = first.map((each) => second.find(({ name }) => name === each.name) ?? each)
const broken = outcomes.filter(isBroken)
const gained = outcomes.filter(({ name, state }) => !allowed.has(name) && state === 'passed')
const gaps = findGaps(suite)
process.stdout.write(
  `${JSON.stringify({
    tests: outcomes.length,
    passed: outcomes.filter(({ state }) => state === 'passed').length,
    allowed: allowed.size,
    brokenOfAllowed: broken.map(({ name }) => name),
    neededTwoRuns: second.filter((each) => !isBroken(each)).map(({ name }) => name),
    passedButNotAllowed: gained.map(({ name }) => name),
    gaps,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    outcomes,
  })}\n`,
)
if (broken.length > 0) say(`must pass, but did not: ${broken.map(({ name }) => name).join(', ')}`)
if (gained.length > 0)
  say(`pass now, add to allow.txt: ${gained.map(({ name }) => name).join(', ')}`)
gaps.forEach(say)
process.exitCode = broken.length > 0 || gaps.length > 0 ? 1 : 0

/** The list; with numbers or `--all` also what is not on it, as a whole. */
function choose(): Wanted[] {
  const slowFirst = list.toSorted((a, b) => Number(b.isSlow) - Number(a.isSlow))
  const listed = resolve(slowFirst, suite)
  const others = suite.filter(({ name }) => !allowed.has(name))
  const all = [...listed, ...others.map((test) => ({ test, part: undefined }))]
  if (numbers.length > 0) {
    return all.filter((wanted) => numbers.some((number) => nameOf(wanted).startsWith(number)))
  }
  return flags.all ? all : listed
}

/** On the list, and did not pass. */
function isBroken(outcome: TestOutcome | undefined): boolean {
  return outcome !== undefined && allowed.has(outcome.name) && outcome.state !== 'passed'
}

async function runAll(tests: readonly Wanted[], jobsMax: number): Promise<readonly TestOutcome[]> {
  const queue = [...tests]
  const found: TestOutcome[] = []
  const jobs = Array.from({ length: Math.min(jobsMax, queue.length) }, async () => {
    const runner = await SuiteRunner.create({ isQuick: flags.quick })
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const outcome = await runner.run(next)
        show(outcome)
        found.push(outcome)
        if (flags.log) say(runner.logOf(next.test.scenario))
      }
    } finally {
      await runner.remove()
    }
  })
  await Promise.all(jobs)
  return found.toSorted((a, b) => a.name.localeCompare(b.name))
}

function show({ name, state, seconds, reason }: TestOutcome): void {
  const mark = allowed.has(name) ? 'must pass' : ''
  const time = `${seconds.toFixed(1)} s`.padStart(8)
  say(`${name.padEnd(60)} ${state.padEnd(8)} ${time}  ${mark.padEnd(9)}  ${reason.slice(0, 200)}`)
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
