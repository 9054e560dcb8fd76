// Tests that nothing outlives the demo, however it comes to its end.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let scratch: string
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'millrace-e2e-'))
})
afterEach(() => rm(scratch, { recursive: true, force: true }))

const endings: Readonly<Record<string, (demo: ChildProcess) => unknown>> = {
  'a signal': (demo) => demo.kill('SIGTERM'),
  'the same signal by two ways': (demo) => [demo.kill('SIGINT'), demo.kill('SIGINT')],
  'a terminal that is closed': (demo) => [demo.kill('SIGHUP'), demo.stdout?.destroy()],
  'a reader that has left': (demo) => demo.stdout?.destroy(),
}

test.each(Object.entries(endings))(
  '%s ends the demo and all that it has started',
  async (_, end) => {
    const demo = spawn(process.execPath, ['demo/main.ts'], {
      cwd: new URL('../..', import.meta.url),
      env: { ...process.env, TMPDIR: scratch },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [said] = (await once(demo.stdout, 'data')) as [Buffer]
    const [metrics = ''] = /http:\S+\/metrics/.exec(said.toString()) ?? []
    expect((await fetch(metrics)).status).toBe(200)
    const closed = once(demo, 'exit')
    end(demo)
    expect((await closed)[0]).toSatisfy((code) => code === 0 || code === 130)
    await expect(fetch(metrics)).rejects.toThrow()
    expect((await readdir(scratch)).filter((name) => name.startsWith('millrace-demo-'))).toEqual([])
  },
)
