// Gives each environment a directory of its own for temporary files, below one that ends with the platform.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemCode } from '../../common/errors.ts'

export class PrivateDirectories {
  readonly #root: string
  #made = 0

  static async create(): Promise<PrivateDirectories> {
    return new PrivateDirectories(await mkdtemp(join(tmpdir(), 'millrace-environments-')))
  }

  private constructor(root: string) {
    this.#root = root
  }

  get root(): string {
    return this.#root
  }

  async add(): Promise<string> {
    const directory = join(this.#root, String((this.#made += 1)))
    await mkdir(directory, { mode: 0o700 })
    return directory
  }

  async remove(directory: string): Promise<void> {
    try {
      await rm(directory, { recursive: true, force: true })
    } catch (error) {
      // A handler may have made it so that it cannot be removed: it stays, as on any machine.
      if (systemCode(error) === undefined) throw error
    }
  }

  close(): Promise<void> {
    return this.remove(this.#root)
  }
}
