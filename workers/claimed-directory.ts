// Makes temporary directories that show whether the process that has them lives, and removes those of dead ones.
import { mkdtempSync, renameSync } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonOf, systemCode } from '../common/errors.ts'
import { leftDirectoriesMax } from '../common/limits.ts'
import type { Logger } from '../common/logger.ts'

/** What this platform's directories begin with: of threads, and of processes. */
export const claimedPrefixes = ['millrace-tmp-', 'millrace-environments-'] as const

/**
 * A socket of this name is listened at for as long as the process lives. Unlike its number, that can be asked for
 * from any container that sees the directory, and nobody else can have it later.
 */
const claimName = 'alive'

/** Holds files below the machine's own directory for temporary ones, and goes with its process or soon after. */
export class ClaimedDirectory {
  readonly path: string
  readonly #claim: Server

  constructor(prefix: (typeof claimedPrefixes)[number]) {
    this.path = mkdtempSync(join(tmpdir(), prefix))
    this.#claim = claim(this.path)
  }

  async close(): Promise<void> {
    this.#claim.close()
    await removeAll(this.path)
  }
}

function claim(directory: string): Server {
  const server = createServer((socket) => socket.destroy())
  // Where none can be had (a path over 107 bytes), what a kill leaves stays: nothing shows whose it is.
  server.on('error', () => {})
  const unready = join(directory, 'claim')
  server.listen(unready, () => {
    try {
      // It takes its name when it is listened at: between both a look would take it for a dead one's.
      renameSync(unready, join(directory, claimName))
    } catch (error) {
      // The directory was closed meanwhile.
      if (systemCode(error) !== 'ENOENT') throw error
    }
  })
  return server.unref()
}

/** Removes what killed platforms of this user left; nothing that somebody has, or that nothing is known of. */
export async function removeLeftDirectories(
  logger: Logger,
  most = leftDirectoriesMax,
): Promise<void> {
  const root = tmpdir()
  const names = await readdir(root).catch(ignoreSystemErrors)
  const ours = (names ?? []).filter((name) => claimedPrefixes.some((each) => name.startsWith(each)))
  let removed = 0
  for (const name of ours) {
    if (removed >= most) break
    const directory = join(root, name)
    try {
      if (!(await isLeft(directory))) continue
      removed += 1
      await removeAll(directory)
    } catch (error) {
      if (systemCode(error) === undefined) throw error
      logger.warn('temporary directory of an earlier process not removed', {
        directory,
        reason: reasonOf(error),
      })
    }
  }
  if (removed > 0) logger.info('temporary directories of killed processes removed', { removed })
}

async function isLeft(directory: string): Promise<boolean> {
  const [own, sign] = await Promise.all([
    lstat(directory).catch(ignoreSystemErrors),
    lstat(join(directory, claimName)).catch(ignoreSystemErrors),
  ])
  if (own?.isDirectory() !== true || sign?.isSocket() !== true) return false
  if (own.uid !== process.getuid?.() || sign.uid !== own.uid) return false
  return isRefused(join(directory, claimName))
}

/** Whether nobody listens; the kernel answers for a process that is busy or stopped. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      resolve(false)
      socket.destroy()
    })
    socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED'))
  })
}

/** The sign goes last: what was not removed to its end is known at the next start, too. */
async function removeAll(directory: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 } as const
  const names = (await readdir(directory).catch(ignoreSystemErrors)) ?? []
  for (const name of names) if (name !== claimName) await rm(join(directory, name), options)
  await rm(directory, options)
}

function ignoreSystemErrors(error: unknown): undefined {
  if (systemCode(error) === undefined) throw error
}
