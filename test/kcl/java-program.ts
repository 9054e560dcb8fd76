// Runs one of the Java programs of test/kcl/java, and keeps the lines that it says.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { eventually } from '../support/eventually.ts'

const home = '.cache/peers/kcl'

export interface Line {
  /** Nanoseconds of one clock for all programs of the machine. */
  readonly at: bigint
  readonly words: readonly string[]
}

export class JavaProgram {
  readonly lines: Line[] = []
  readonly #name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #errors = ''

  constructor(name: string, args: readonly string[]) {
    if (!existsSync(`${home}/classes/${name}.class`)) {
      throw new Error('the Kinesis libraries for Java are missing: run "make test-kcl"')
    }
    this.#name = name
    const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']
    const log = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
    const classes = ['-cp', `${home}/classes:${home}/libs/*`]
    this.#child = spawn('java', [...java, log, ...classes, name, ...args], { stdio: 'pipe' })
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve))
    const { stdin, stdout, stderr } = this.#child
    stdin?.on('error', () => {})
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-3000)
    })
    if (stdout === null) throw new Error('no output')
    createInterface({ input: stdout }).on('line', (line) => {
      const [at = '', ...words] = line.split('\t')
      this.lines.push({ at: BigInt(at), words })
    })
  }

  /** The lines that begin with these words. */
  saying(...start: readonly string[]): readonly Line[] {
    return this.lines.filter(({ words }) => start.every((word, index) => words[index] === word))
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** The first line that begins with these words, once it is there. */
  async says(...start: readonly string[]): Promise<readonly string[]> {
    return eventually(
      () => this.saying(...start)[0]?.words,
      () => `${this.#name} to say ${start.join(' ')}; ${this.#errors}`,
      60_000,
    )
  }

  /** Ends its input, which is its sign to end; resolves with its exit code. */
  async end(): Promise<number | null> {
    this.#child.stdin?.end()
    return this.#ended
  }

  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Its last words to standard error. */
  get errors(): string {
    return this.#errors
  }
}
