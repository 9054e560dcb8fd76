// Starts a role, or all of them in one process; the only reader of arguments and environment.
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig, type Config } from './common/config.ts'
import { keepLoopsStoppable } from './common/endless-loops.ts'
import { AppError } from './common/errors.ts'
import { programHelp, roleHelp } from './common/help.ts'
import { LineBursts } from './common/line-bursts.ts'
import { createLogger, writeToStandardError, type Logger } from './common/logger.ts'
import { roles, type RoleName } from './common/settings.ts'
import { runUntilStopped, type Started } from './common/lifecycle.ts'
import { onStopSignals } from './common/stop-signals.ts'

keepLoopsStoppable()

// Stripped and compiled modules are kept between starts, for threads too: without it each thread loads
// the type stripper, 20 MB and 60 ms.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache')
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

// Not exitCode: whatever a library left open must not keep a stopped program alive.
process.exit(await main(process.argv.slice(2), process.env))

async function main(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  if (argv[0] === 'check') return told(check(argv.slice(1)))
  if (argv[0] === 'simulate') {
    const { runSimulate } = await import('./simulator/command.ts')
    return told(runSimulate(argv.slice(1), process))
  }
  const role = roles.find((name) => name === argv[0])
  const wantsHelp = argv.includes('--help') || argv.includes('-h')
  if (role === undefined) {
    ;(wantsHelp ? process.stdout : process.stderr).write(programHelp())
    return wantsHelp ? 0 : 1
  }
  if (wantsHelp) {
    process.stdout.write(roleHelp(role))
    return 0
  }
  try {
    const config = parseConfig(role, argv.slice(1), environment)
    const logger = createLogger('millrace', {
      level: config.logLevel,
      format: config.logFormat,
      write: inBursts(),
    })
    return role === 'producer' ? await produce(config, logger) : await serve(role, config, logger)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    process.stderr.write(`millrace: ${error.message}\n`)
    return 1
  }
}

/** The end of a program cuts off what a pipe has not taken yet: a reader that is slow is waited for, one that has gone is not. */
async function told(running: Promise<number>): Promise<number> {
  process.stdout.on('error', () => {})
  const code = await running
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  return code
}

/** A function that writes much must not cost a call of the system for each line. */
function inBursts(): (line: string) => void {
  const bursts = new LineBursts(writeToStandardError)
  process.on('exit', () => bursts.flush())
  return (line) => bursts.add(line)
}

async function check(argv: readonly string[]): Promise<number> {
  const { runCheck } = await import('./broker/check-command.ts')
  const { systemClock: clock } = await import('./common/clock.ts')
  return runCheck(argv, { clock, stdout: process.stdout, stderr: process.stderr })
}

async function serve(
  role: Exclude<RoleName, 'producer'>,
  config: Config,
  logger: Logger,
): Promise<number> {
  const { startRoles } = await import('./roles.ts')
  return runUntilStopped({
    logger,
    start: (): Promise<Started> => startRoles(role, { config, logger, environment: process.env }),
    ready: (doors) => process.stdout.write(`millrace ready ${JSON.stringify(doors)}\n`),
  })
}

async function produce(config: Config, logger: Logger): Promise<number> {
  const { runProducer } = await import('./producer/producer.ts')
  const { systemClock } = await import('./common/clock.ts')
  const stopping = new AbortController()
  onStopSignals({ first: () => stopping.abort(), later: () => process.exit(1) })
  return runProducer(config, {
    clock: systemClock,
    logger: logger.child('producer'),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stopping.signal,
  })
}
