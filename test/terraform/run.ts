// Starts the platform and makes the calls of Terraform's AWS provider to its one AWS port, as the built Go tests have them.
import { spawnSync } from 'node:child_process'
import { startPlatform } from '../support/platform.ts'

const binary = '.cache/peers/terraform/calls'
const callsMaxMs = 240_000

const platform = await startPlatform()
try {
  const { status, error } = spawnSync(binary, ['-test.v', ...process.argv.slice(2)], {
    env: { ...process.env, MILLRACE_AWS_ENDPOINT: platform.aws },
    stdio: 'inherit',
    timeout: callsMaxMs,
  })
  if (error !== undefined) throw error
  if (status !== 0) process.stderr.write(platform.log())
  process.exitCode = status ?? 1
} finally {
  await platform.stop()
}
