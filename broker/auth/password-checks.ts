// Salts passwords one at a time, since the threads that do it are those that write to the disk.
import { passwordChecksMax } from '../../common/door-limits.ts'
import { saltPassword, type ScramCredential, type ScramMechanism } from './scram.ts'

export class PasswordChecks {
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** Undefined where too many wait already. */
  async salt(
    mechanism: ScramMechanism,
    password: string,
    how: Pick<ScramCredential, 'salt' | 'iterations'>,
  ): Promise<ScramCredential | undefined> {
    if (this.#waiting >= passwordChecksMax) return undefined
    this.#waiting += 1
    const salted = this.#last.then(() => saltPassword(mechanism, password, how))
    this.#last = salted.catch(() => {})
    try {
      return await salted
    } finally {
      this.#waiting -= 1
    }
  }
}
