// Lets few large requests be read and handled at a time, so that the memory for packages is bounded.
import type { RequestHandler } from 'express'
import { largeRequestMinBytes, largeRequestsMax } from '../../common/limits.ts'

/** A package is there three times for a moment: as it came, as text, and decoded. Others wait, unread, in their sockets. */
export class LargeBodies {
  #underWay = 0
  readonly #waiting: (() => void)[] = []

  /** To stand before what reads the body. */
  readonly handler: RequestHandler = (request, response, next) => {
    const { 'content-length': announced, 'transfer-encoding': encoding } = request.headers
    const isLarge = encoding !== undefined || Number(announced ?? 0) > largeRequestMinBytes
    if (!isLarge) return next()
    this.#enter(() => {
      // Whoever went while waiting gets nothing, and takes nothing.
      if (response.destroyed) return this.#leave()
      response.once('close', () => this.#leave())
      next()
    })
  }

  #enter(start: () => void): void {
    if (this.#underWay >= largeRequestsMax) return void this.#waiting.push(start)
    this.#underWay += 1
    start()
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#underWay -= 1
    else next()
  }
}
