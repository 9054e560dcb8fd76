// Gives each environment a directory of its own for temporary files, below one that ends with the platform.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../common/errors.ts'
import { ClaimedDirectory } from '../claimed-directory.ts'

export class PrivateDirectories {
  readonly #directory = new ClaimedDirectory('millrace-environments-')
  #made = 0

  get root(): string {
    return this.#directory.path
  }

  async add(): Promise<string> {
    const directory = join(this.root, String((this.#made += 1)))
    await mkdir(directory, { mode: 0o700 })
    return directory
  }

  async remove(directory: string): Promise<void> {
    await rm(directory, { recursive: true, force: true }).catch(passOver)
  }

  async close(): Promise<void> {
    await this.#directory.close().catch(passOver)
  }
}

// A handler may have made it so that it cannot be removed: it stays, as on any machine.
function passOver(error: unknown): void {
  if (systemCode(error) === undefined) throw error
}
