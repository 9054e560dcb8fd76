// Finds what runs a function of a runtime that is not Node, or says what to install for it.
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Clock } from '../../common/clock.ts'
import { runtimeSearchMaxMs, runtimeSearchRepeatMs } from '../../common/process-limits.ts'
import { entrypointProblem } from './entrypoint.ts'

export interface FoundRuntime {
  readonly kind: 'found'
  readonly command: string
  readonly args: readonly string[]
  /** LAMBDA_RUNTIME_DIR. */
  readonly directory: string
}

export interface MissingRuntime {
  readonly kind: 'missing'
  /** What to do about it. */
  readonly advice: string
}

const pythonVersions = ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14', '3.15'] as const
const pythonBootstrap = fileURLToPath(new URL('./python/bootstrap.py', import.meta.url))
const findPython = fileURLToPath(new URL('./find-python.sh', import.meta.url))

/** What else Lambda has, by the beginning of its name: a way to run it here. */
const others: Readonly<Record<string, string>> = {
  java: 'package the function for provided.al2023 with a bootstrap that starts java',
  dotnet: 'publish the function for provided.al2023 (native AOT or self-contained)',
  ruby: 'package the function for provided.al2023 with a bootstrap that starts ruby',
}

/** Looks once for each version of Python, and again after a while for one that was missing or has gone. */
export class RuntimeSearch {
  readonly #clock: Clock
  readonly #pythons = new Map<
    string,
    { readonly atMs: number; path: Promise<string | undefined> }
  >()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** For functions with their code in `directory`, and their layers in `opt`. */
  async find(
    runtime: string,
    directory: string,
    opt?: string,
  ): Promise<FoundRuntime | MissingRuntime> {
    if (runtime.startsWith('provided.')) {
      // That it is there is seen at each start.
      const own = join(directory, 'bootstrap')
      const isInLayer = opt !== undefined && (await entrypointProblem(own)) !== undefined
      const command = isInLayer ? join(opt, 'bootstrap') : own
      return { kind: 'found', command, args: [], directory }
    }
    if (runtime.startsWith('python')) return this.#findPython(runtime)
    const advice = Object.entries(others).find(([name]) => runtime.startsWith(name))?.[1]
    return { kind: 'missing', advice: advice ?? 'choose a nodejs, python or provided runtime' }
  }

  async #findPython(runtime: string): Promise<FoundRuntime | MissingRuntime> {
    const version = runtime.slice('python'.length)
    const command = await this.#python(version)
    if (command !== undefined) {
      return {
        kind: 'found',
        command,
        args: [pythonBootstrap],
        directory: dirname(pythonBootstrap),
      }
    }
    const paths = await Promise.all(pythonVersions.map((each) => this.#python(each)))
    const there = pythonVersions.filter((_, i) => paths[i] !== undefined)
    const choice = there.map((each) => `python${each}`).join(' or ')
    const advice =
      `install it (apt install ${runtime}, pyenv install ${version} or uv python install ` +
      `${version})${choice === '' ? '' : `, or choose ${choice}`}`
    return { kind: 'missing', advice }
  }

  async #python(version: string): Promise<string | undefined> {
    const known = this.#pythons.get(version)
    const path = await known?.path
    if (path !== undefined && (await entrypointProblem(path)) === undefined) return path
    const nowMs = this.#clock.now()
    // Others may have begun meanwhile.
    const latest = this.#pythons.get(version)
    if (latest !== undefined && nowMs - latest.atMs < runtimeSearchRepeatMs) return latest.path
    const search = searchPython(version)
    this.#pythons.set(version, { atMs: nowMs, path: search })
    return search
  }
}

async function searchPython(version: string): Promise<string | undefined> {
  try {
    // With the environment of the platform: its PATH says where to look.
    const options = { timeout: runtimeSearchMaxMs, killSignal: 'SIGKILL' } as const
    const { stdout } = await promisify(execFile)('/bin/sh', [findPython, version], options)
    return stdout.trim()
  } catch {
    // It has said no, or nothing in time.
    return undefined
  }
}
