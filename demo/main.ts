// The first minute with the product: a platform, a load with a spike, and a live table of both.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onStopSignals } from '../common/stop-signals.ts'
import { Demo } from './demo.ts'

process.exit(await main())

async function main(): Promise<number> {
  const seconds = Number(process.env['DEMO_SECONDS'] ?? '60')
  if (!Number.isInteger(seconds) || seconds < 1) {
    process.stderr.write('DEMO_SECONDS is not a whole number of seconds\n')
    return 1
  }
  const directory = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
  const logFile = join(directory, 'demo.log')
  const log = openSync(logFile, 'a')
  const demo = new Demo({ seconds, log, dataDir: join(directory, 'data') })
  let isLeaving = false
  const leave = (): void => {
    if (!isLeaving) demo.interrupt()
    isLeaving = true
  }
  // A terminal that is closed takes no more lines, and nothing that was started is to outlive it.
  for (const output of [process.stdout, process.stderr]) output.on('error', leave)
  const later = (): void => demo.interrupt()
  onStopSignals({ signals: ['SIGINT', 'SIGTERM', 'SIGHUP'], first: leave, later })
  let code = 1
  try {
    code = await demo.run()
  } finally {
    await demo.stop()
    closeSync(log)
    // The log is what explains a failure, so it alone outlives one.
    rmSync(code !== 1 ? directory : join(directory, 'data'), { recursive: true, force: true })
    if (code === 1) process.stderr.write(`The platform's log: ${logFile}\n`)
  }
  return code
}
