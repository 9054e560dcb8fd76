// A real redis-server on a free port with an append-only file, for tests: can be killed and started again.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

export class RedisServer {
  readonly url: string
  readonly #dir: string
  readonly #port: string
  #child: ChildProcess | undefined

  private constructor(dir: string, port: string) {
    this.#dir = dir
    this.#port = port
    this.url = `redis://127.0.0.1:${port}`
  }

  static async start(): Promise<RedisServer> {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-redis-'))
    const server = new RedisServer(dir, String(await freePort()))
    await server.start()
    return server
  }

  /** Resolves when Redis takes connections; what an earlier life wrote is there. */
  start(): Promise<void> {
    const args = ['--port', this.#port, '--bind', '127.0.0.1', '--dir', this.#dir, '--save', '']
    args.push('--appendonly', 'yes', '--appendfsync', 'always')
    return new Promise((resolve, reject) => {
      const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
      this.#child = child
      let output = ''
      createInterface({ input: child.stdout }).on('line', (line) => {
        output += `${line}\n`
        if (line.includes('Ready to accept connections')) resolve()
      })
      child.once('error', (error) => {
        const missing = 'code' in error && error.code === 'ENOENT'
        reject(missing ? new Error('redis-server is missing: run "make test-peers"') : error)
      })
      child.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)))
    })
  }

  /** SIGKILL; what it held is on disk. */
  async kill9(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** Stops it where it is, as a machine without air does: connections stay open, nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill9()
    await rm(this.#dir, { recursive: true, force: true })
  }
}
