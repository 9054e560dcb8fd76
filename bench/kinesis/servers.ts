// Starts the Kinesis servers that are measured, each in a process of its own on a free port of the loopback address.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/free-port.ts'
import { startPlatform } from '../../test/support/platform.ts'

export interface KinesisServer {
  /** `http://host:port`. */
  readonly endpoint: string
  readonly pid: number
  stop(): Promise<void>
}

const home = new URL('../../.cache/peers/kinesis/node_modules/', import.meta.url).pathname
const startMaxMs = 20_000

/** Our broker alone; `flush` as its setting of that name. */
export async function startOurs(flush: 'commit' | 'interval'): Promise<KinesisServer> {
  const platform = await startPlatform({
    role: 'broker',
    args: ['--kinesis-port', '0', '--flush', flush],
  })
  const stop = async (): Promise<void> => void (await platform.stop())
  return { endpoint: platform.doors['kinesis'] ?? '', pid: platform.pid, stop }
}

/** Keeps streams in memory, and has neither delays nor a limit of shards that would matter here. */
export async function startKinesalite(): Promise<KinesisServer> {
  const port = await freePort()
  const delays = ['--createStreamMs', '0', '--deleteStreamMs', '0', '--updateStreamMs', '0']
  const args = ['kinesalite/cli.js', '--port', String(port), ...delays]
  return startPeer({ args, folder: 'kinesalite', port })
}

export async function startKinesisLocal(): Promise<KinesisServer> {
  const [port, tlsPort] = [await freePort(), await freePort()]
  const env = {
    KINESIS_MOCK_PLAIN_PORT: String(port),
    KINESIS_MOCK_TLS_PORT: String(tlsPort),
    CREATE_STREAM_DURATION: '1ms',
    LOG_LEVEL: 'ERROR',
  }
  return startPeer({ args: ['kinesis-local/main.js'], folder: 'kinesis-local', port, env })
}

/** Does nothing with what it is sent: what the client itself and the way to it and back take. */
export async function startNull(): Promise<KinesisServer> {
  const port = await freePort()
  const program = new URL('null-server.ts', import.meta.url).pathname
  return startPeer({ args: [program, String(port)], folder: '', port })
}

interface Peer {
  /** Of Node, the program first: below the folder of the peers, or anywhere by its whole path. */
  readonly args: readonly string[]
  /** Its working directory: one of them reads a certificate from there. */
  readonly folder: string
  readonly port: number
  readonly env?: Readonly<Record<string, string>>
}

async function startPeer({ args, folder, port, env }: Peer): Promise<KinesisServer> {
  const [program = '', ...rest] = args
  const path = isAbsolute(program) ? program : join(home, program)
  if (!existsSync(path)) throw new Error(`${path} is missing: run test/peers/kinesis.sh`)
  const child = spawn(process.execPath, [path, ...rest], {
    cwd: folder === '' ? process.cwd() : join(home, folder),
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  await listening(child, port).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return { endpoint: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, stop }
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const endMs = performance.now() + startMaxMs
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended by itself`)
    if (performance.now() > endMs) throw new Error(`${child.spawnargs.join(' ')} does not listen`)
    await sleep(50)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
