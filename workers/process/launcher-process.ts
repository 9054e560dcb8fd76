// The launcher: a small process that starts others for the platform, looks after them, and ends with it.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { reasonOf, systemCode } from '../../common/errors.ts'
import { runtimeFilesMax } from '../../common/process-limits.ts'
import type {
  LauncherReply,
  LauncherRequest,
  LaunchPlan,
  SessionsMemory,
  StartedWith,
} from './launcher-messages.ts'
import { processesWith, processMemory, proportionalBytes, sessionMembers } from './proc-files.ts'

// Standard error goes where standard output goes, so that lines keep their order. No core: each crash would leave
// all of its memory among the function's code.
const wrapper = `ulimit -c 0; ulimit -n ${runtimeFilesMax} 2>/dev/null; exec "$@" 2>&1`

// A signal to all of the platform is the platform's to answer.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
process.on('message', (request: LauncherRequest) => void serve(request))

async function serve(request: LauncherRequest): Promise<void> {
  try {
    tell(await answer(request))
  } catch (error) {
    tell({ id: request.id, type: 'failed', reason: reasonOf(error) })
  }
}

async function answer(request: LauncherRequest): Promise<LauncherReply> {
  const { id, type } = request
  if (type === 'start') return { id, type: 'started', pid: await start(id, request.plan) }
  if (type === 'end') return { id, type: 'killed', processes: end(request.startedWith) }
  if (type === 'memory') return { id, type: 'held', ...memoryOf(request.leaders) }
  await makePipe(request.path)
  return { id, type: 'made' }
}

/** Node's own pipes are sockets, which no process can open again as /dev/stderr. */
async function makePipe(path: string): Promise<void> {
  await promisify(execFile)('mkfifo', ['-m', '600', path])
}

/** Resolves when the process has been made; whether `command` can be run shows later. */
async function start(id: number, plan: LaunchPlan): Promise<number> {
  const fd = openWriting(plan.pipePath)
  try {
    const child = spawn('/bin/sh', ['-c', wrapper, 'sh', plan.command, ...plan.args], {
      cwd: plan.directory,
      env: plan.environment,
      detached: true,
      stdio: ['ignore', fd, fd],
    })
    child.once('exit', (code, signal) => tell({ id, type: 'ended', code, signal }))
    await once(child, 'spawn')
    return child.pid ?? 0
  } finally {
    closeSync(fd)
  }
}

/** Fails where nobody reads: a plain open would wait for ever once the platform is gone. */
function openWriting(path: string): number {
  const probe = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  try {
    return openSync(path, 'w')
  } finally {
    closeSync(probe)
  }
}

function end({ name, value }: StartedWith): number {
  const pids = processesWith(name, value)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (systemCode(error) !== 'ESRCH') throw error
    }
  }
  return pids.length
}

function memoryOf(leaders: readonly number[]): SessionsMemory {
  const startedMs = performance.now()
  const members = sessionMembers(new Set(leaders))
  const moreBytes = leaders.map(
    (leader) => [leader, moreOf(leader, members.get(leader) ?? [])] as const,
  )
  return { moreBytes, tookMs: performance.now() - startedMs }
}

function moreOf(leader: number, members: readonly number[]): number {
  if (members.length === 0) return 0
  const own = processMemory(leader)?.bytes ?? 0
  const each = [leader, ...members].map((pid) => proportionalBytes(pid) ?? 0)
  return each.reduce((sum, bytes) => sum + bytes, 0) - own
}

function tell(reply: LauncherReply): void {
  // The platform may be gone by now.
  if (process.connected) process.send?.(reply, () => {})
}
