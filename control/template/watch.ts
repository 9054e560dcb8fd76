// Keeps a template deployed: looks for changes of it and of the code that it names, and deploys them.
import { watch as watchFiles } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../../common/clock.ts'
import { AppError, systemCode } from '../../common/errors.ts'
import {
  deployPlan,
  readPlan,
  type DeployOptions,
  type DeployReport,
  type ReadTemplate,
} from './deploy.ts'
import { DeployedStore } from './deployed.ts'
import { signatureOf } from './file-signature.ts'
import type { Plan } from './plan.ts'
import { RememberedTopics } from './remembered-topics.ts'
import { findTemplate, templateCandidates } from './template-file.ts'
import { KafkaTopics } from './topics.ts'

/** Calls back at every change in a directory; undefined where the machine cannot tell of them. */
export type DirectoryWatch = (
  directory: string,
  onChange: () => void,
) => { close(): void } | undefined

export interface WatchOptions extends DeployOptions {
  readonly clock: Clock
  /** The machine's, unless a test has another. */
  readonly watchDirectory?: DirectoryWatch
}

/** Bind mounts often tell of no change, so one is looked for as well: two looks a second. */
const pollIntervalMs = 500

/** A change counts when it has lasted so long: editors write, rename and replace. */
const settleMs = 50

/** Until a cluster or a disk that failed is tried again. */
const retryMs = 2_000

/**
 * Deploys the template and goes on to do so at each change. Rejects as `deployTemplate` does when
 * the first deployment fails and nothing of the template is there from an earlier life; later failures
 * are logged, and what was deployed stays.
 */
export async function watchTemplate(options: WatchOptions): Promise<TemplateWatcher> {
  const watcher = new TemplateWatcher(options)
  try {
    await watcher.start()
  } catch (error) {
    await watcher.stop()
    throw error
  }
  return watcher
}

/**
 * One look or deployment at a time, one timer. Signatures are taken before what they stand for is
 * read, so that a change in between shows at the next look.
 */
export class TemplateWatcher {
  readonly #options: WatchOptions
  readonly #candidates: readonly string[]
  readonly #directories = new Map<string, { close(): void } | undefined>()
  #packages: readonly string[] = []
  /** The last sound template, and its signature. */
  #read: (ReadTemplate & { readonly template: string }) | undefined
  #complaint = ''
  /** Signatures of the last attempt, successful or not. */
  #tried = ''
  #settling: string | undefined
  #timer: Timer | undefined
  #isSoon = false
  #isBusy = true
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: WatchOptions) {
    const { brokers, access, logger } = options
    const topics = new RememberedTopics(
      options.topics ?? new KafkaTopics({ brokers, access, logger }),
    )
    this.#options = { ...options, topics }
    this.#candidates = templateCandidates(options.path)
  }

  /** Call once. */
  async start(): Promise<void> {
    let nextMs = pollIntervalMs
    try {
      await this.#deploy(await signatureOf(this.#candidates))
    } catch (error) {
      if (!(error instanceof AppError) || !(await this.#hasPredecessor(error))) throw error
      nextMs = this.#failed(error)
    }
    this.#rest(nextMs)
  }

  /** Ends looking; resolves when a deployment that has begun is over. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const watched of this.#directories.values()) watched?.close()
    this.#directories.clear()
    await this.#running
  }

  /** Resolves when nothing is being looked at or deployed. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Files are watched by their directories: one that is replaced is another file. */
  #watch({ file, plan }: ReadTemplate): void {
    if (this.#stopped) return
    const { watchDirectory = watchOnDisk } = this.#options
    const wanted = new Set([file, ...zipFilesOf(plan)].map((path) => dirname(path)))
    for (const [directory, watched] of this.#directories) {
      if (wanted.has(directory)) continue
      watched?.close()
      this.#directories.delete(directory)
    }
    for (const directory of wanted) {
      if (this.#directories.has(directory)) continue
      const watched = watchDirectory(directory, () => this.#soon())
      this.#directories.set(directory, watched)
    }
  }

  #soon(): void {
    if (this.#isSoon || this.#stopped) return
    this.#isSoon = true
    if (!this.#isBusy) this.#wake(settleMs)
  }

  /** A failure at a restart is no worse than one while running, if the template was deployed before. */
  async #hasPredecessor({ code, retriable }: AppError): Promise<boolean> {
    if (code !== 'TEMPLATE_INVALID' && !retriable) return false
    const { dataDir, path } = this.#options
    const { functions, mappings } = await new DeployedStore(
      dataDir,
      await findTemplate(path),
    ).read()
    return functions.length + mappings.length > 0
  }

  #rest(nextMs: number): void {
    this.#isBusy = false
    // A change that was told of meanwhile may have come after what was looked at.
    this.#wake(this.#isSoon ? settleMs : nextMs)
  }

  #wake(delayMs: number): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#isSoon = false
      this.#isBusy = true
      this.#running = this.#look().then((nextMs) => this.#rest(nextMs))
    })
  }

  /** Deploys a change that has settled; gives the time until the next look. */
  async #look(): Promise<number> {
    const template = await signatureOf(this.#candidates)
    const found = template + (await signatureOf(this.#packages))
    if (found === this.#tried) {
      this.#settling = undefined
      return pollIntervalMs
    }
    if (found !== this.#settling) {
      this.#settling = found
      return settleMs
    }
    this.#settling = undefined
    return this.#redeploy(template)
  }

  async #redeploy(template: string): Promise<number> {
    try {
      const { file, items } = await this.#deploy(template)
      const changed = items.filter(({ action }) => action === 'created' || action === 'updated')
      this.#options.logger.info('template deployed again', { file, changed: changed.length })
      this.#complaint = ''
      return pollIntervalMs
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return this.#failed(error)
    }
  }

  /** What is tried again and again is complained of once. */
  #failed({ message, retriable }: AppError): number {
    if (!retriable || message !== this.#complaint) {
      this.#options.logger.error(`${message}; what was deployed goes on`)
    }
    this.#complaint = message
    if (!retriable) return pollIntervalMs
    // Looks changed to the next look, which so tries it again.
    this.#tried = ''
    return retryMs
  }

  async #deploy(template: string): Promise<DeployReport> {
    this.#tried = template + (await signatureOf(this.#packages))
    // Read once for each of its states: its warnings are not said again because a cluster was away.
    if (this.#read?.template !== template) {
      this.#read = { template, ...(await readPlan(this.#options)) }
    }
    const read = this.#read
    this.#packages = [...zipFilesOf(read.plan), ...directoriesOf(read.plan)]
    this.#watch(read)
    this.#tried = template + (await signatureOf(this.#packages))
    return deployPlan(read, this.#options)
  }
}

function zipFilesOf({ functions }: Plan): readonly string[] {
  return functions.flatMap(({ code }) => (code.kind === 'zip' ? [code.file] : []))
}

/** Only their being there counts: what is in them is looked at before each invocation. */
function directoriesOf({ functions }: Plan): readonly string[] {
  return functions.flatMap(({ code }) => (code.kind === 'directory' ? [code.directory] : []))
}

/** inotify and its like; where there is none, or no such directory, looking has to do. */
function watchOnDisk(directory: string, onChange: () => void): { close(): void } | undefined {
  try {
    const watcher = watchFiles(directory, { persistent: false }, onChange)
    // Its directory went, or the machine has no more of them to give.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return undefined
  }
}
