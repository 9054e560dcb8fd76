// Runs a program that is not ours to its end; a missing one fails with the command that installs it.
import { spawn } from 'node:child_process'

export interface ToolResult {
  readonly code: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface ToolOptions {
  readonly input?: string | Buffer
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** After it the program is ended and the call rejects with what it had said. */
  readonly timeoutMs?: number
}

/** Resolves whatever the exit code; see `succeed`. */
export function runTool(
  command: string,
  args: readonly string[],
  { input = '', timeoutMs = 30_000, cwd, env }: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe', cwd, env: { ...process.env, ...env } })
    const stdout: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    // A program may end without having read all of its input; its exit code says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      const said = `${Buffer.concat(stdout).toString().slice(-2000)}\n${stderr.slice(-2000)}`
      reject(new Error(`${command} ${args.join(' ')} did not end in ${timeoutMs} ms: ${said}`))
    }, timeoutMs)
    child.once('error', (error) => {
      clearTimeout(timer)
      const missing = 'code' in error && error.code === 'ENOENT'
      reject(missing ? new Error(`${command} is missing: run "make test-peers"`) : error)
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(stdout), stderr })
    })
  })
}

/** The same, and rejects with the program's own words when it fails. */
export async function succeed(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<Buffer> {
  const { code, stdout, stderr } = await runTool(command, args, options)
  if (code === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr.slice(-3000)}`)
}
