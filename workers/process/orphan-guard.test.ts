// Tests that nothing of a function outlives a platform that is killed, with a real platform to kill.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { eventually } from '../../test/support/eventually.ts'
import { OrphanGuard } from './orphan-guard.ts'

test('kill -9 of the platform ends frozen and running processes and removes their directories', async () => {
  const platform = spawn(process.execPath, ['test/support/process-platform.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(platform.stdout), 'line')) as [string]
  const { idle, folder } = JSON.parse(line) as {
    idle: { pids: number[]; directory: string }
    folder: string
  }
  const running = await eventually(
    async () =>
      JSON.parse(await readFile(join(folder, 'pids'), 'utf8').catch(() => 'null')) ?? undefined,
    () => 'the second invocation did not start',
  )
  const pids = [...idle.pids, ...(running as number[])]
  expect(pids.filter(isAlive)).toEqual(pids)
  platform.kill('SIGKILL')
  await gone(pids)
  await eventually(
    () => (existsSync(dirname(idle.directory)) ? undefined : true),
    () => `${dirname(idle.directory)} is still there`,
  )
  await rm(folder, { recursive: true })
})

test('a guard that was ended itself is replaced, and knows what the one before knew', async () => {
  const root = await mkdtemp(join(tmpdir(), 'millrace-guard-'))
  const start = (): number => {
    const env = { PATH: '/usr/bin:/bin', TMPDIR: `${root}/1` }
    const { pid } = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore', env })
    if (pid === undefined) throw new Error('sleep cannot be started')
    return pid
  }
  const guard = new OrphanGuard(root)
  const pids = [start(), start()]
  for (const pid of pids.slice(0, 1)) guard.add(pid)
  const before = guard.pid
  if (before === undefined) throw new Error('there is no guard')
  process.kill(before, 'SIGKILL')
  await eventually(
    () => (guard.pid === undefined ? true : undefined),
    () => 'the guard is still there',
  )
  for (const pid of pids.slice(1)) guard.add(pid)
  await guard.close()
  await gone(pids)
})

const gone = (pids: readonly number[]): Promise<true> =>
  eventually(
    () => (pids.some(isAlive) ? undefined : (true as const)),
    () => `alive: ${pids.filter(isAlive).join(' ')}`,
  )

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
  } catch {
    return false
  }
}
