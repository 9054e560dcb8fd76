// What leases must do for a poller that has them to itself: one suite, run against each implementation.
import { expect, onTestFinished, test } from 'vitest'
import type { LeaseHolder, Leases } from '../../poller/leases.ts'

/** Plays the poller: what it runs at the moment, and what it was told. */
export class PlayedHolder implements LeaseHolder {
  readonly running = new Set<string>()
  readonly taken: string[] = []
  /** While it is set, what is lost comes to no end. */
  draining: Promise<void> | undefined

  gained(uuid: string): void {
    expect(this.running.has(uuid), 'a mapping is gained once').toBe(false)
    this.running.add(uuid)
  }

  async lost(uuid: string, how: 'given back' | 'taken'): Promise<void> {
    if (how === 'taken') this.taken.push(uuid)
    await this.draining
    this.running.delete(uuid)
  }
}

const sorted = (holder: PlayedHolder): readonly string[] => [...holder.running].toSorted()

/** `create` gives the leases of a poller that is alone. */
export function leasesContract(name: string, create: () => Promise<Leases>): void {
  const open = async (): Promise<{ leases: Leases; holder: PlayedHolder }> => {
    const leases = await create()
    onTestFinished(() => leases.stop())
    const holder = new PlayedHolder()
    leases.start(holder)
    return { leases, holder }
  }

  test(`${name}: who is alone runs every mapping, each once`, async () => {
    const { leases, holder } = await open()
    for (const uuid of ['a', 'b', 'a', 'c']) leases.add(uuid)
    await expect.poll(() => sorted(holder)).toEqual(['a', 'b', 'c'])
    expect(leases.held).toBe(3)
  })

  test(`${name}: a mapping that is removed ends, the others go on`, async () => {
    const { leases, holder } = await open()
    leases.add('a')
    leases.add('b')
    await expect.poll(() => sorted(holder)).toEqual(['a', 'b'])
    leases.remove('a')
    leases.remove('never-was')
    await expect.poll(() => sorted(holder)).toEqual(['b'])
    expect(leases.held).toBe(1)
    expect(holder.taken).toEqual([])
  })

  test(`${name}: stopping ends everything and waits for it`, async () => {
    const { leases, holder } = await open()
    leases.add('a')
    leases.add('b')
    await expect.poll(() => sorted(holder)).toEqual(['a', 'b'])
    await leases.stop()
    expect(sorted(holder)).toEqual([])
    expect(leases.held).toBe(0)
  })
}
