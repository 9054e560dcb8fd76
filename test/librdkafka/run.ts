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
const outcomes = await runAll(choose())
const mustPass = outcomes.filter(({ name }) => allowed.has(name))
const broken = mustPass.filter(({ state }) => state !== 'passed')
const gained = outcomes.filter(({ name, state }) => !allowed.has(name) && state === 'passed')
const gaps = findGaps(suite)
process.stdout.write(
  `${JSON.stringify({
    tests: outcomes.length,
    passed: outcomes.filter(({ state }) => state === 'passed').length,
    allowed: allowed.size,
    brokenOfAllowed: broken.map(({ name }) => name),
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
  const listed = resolve(list, suite)
  const others = suite.filter(({ name }) => !allowed.has(name))
  const all = [...listed, ...others.map((test) => ({ test, part: undefined }))]
  if (numbers.length > 0) {
    return all.filter((wanted) => numbers.some((number) => nameOf(wanted).startsWith(number)))
  }
  return flags.all ? all : listed
}

async function runAll(queue: Wanted[]): Promise<readonly TestOutcome[]> {
  const found: TestOutcome[] = []
  const jobs = Array.from({ length: Math.min(Number(flags.jobs), queue.length) }, async () => {
    const runner = await SuiteRunner.create({ isQuick: flags.quick })
    try {
      for (let wanted = queue.shift(); wanted !== undefined; wanted = queue.shift()) {
        const outcome = await runner.run(wanted)
        show(outcome)
        found.push(outcome)
        if (flags.log) say(runner.logOf(wanted.test.scenario))
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
