// The first minute with the product: a platform, a load with a spike, and a live table of both.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => demo.interrupt())
  }
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
