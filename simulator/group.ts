// The consumer group of a simulated mapping: its offsets, and who of its members reads what.
import type { PollerProcess } from './poller-process.ts'

/** A commit counts only if it is of the generation that the group is in. */
export class Group {
  readonly committed: Float64Array
  generation = 0
  #members: readonly PollerProcess[] = []

  constructor(partitions: number) {
    this.committed = new Float64Array(partitions)
  }

  get members(): readonly PollerProcess[] {
    return this.#members
  }

  join(member: PollerProcess): void {
    this.#rebalance([...this.#members, member], new Set())
  }

  leave(member: PollerProcess): void {
    this.#rebalance(
      this.#members.filter((other) => other !== member),
      new Set(),
    )
  }

  /** The group has lost sight of these members for a while: others may have read what is theirs. */
  forget(members: ReadonlySet<PollerProcess>): void {
    this.#rebalance(this.#members, members)
  }

  /** False where the group is in another generation by now. */
  commit(offsets: ReadonlyMap<number, number>, generation: number): boolean {
    if (generation !== this.generation) return false
    for (const [partition, offset] of offsets) this.committed[partition] = offset
    return true
  }

  ownerOf(partition: number): PollerProcess | undefined {
    return this.#members[partition % this.#members.length]
  }

  #rebalance(members: readonly PollerProcess[], forgotten: ReadonlySet<PollerProcess>): void {
    this.generation += 1
    this.#members = members
    const shares = new Map<PollerProcess, number[]>(members.map((member) => [member, []]))
    for (let partition = 0; partition < this.committed.length; partition++) {
      const owner = this.ownerOf(partition)
      if (owner !== undefined) shares.get(owner)?.push(partition)
    }
    for (const [member, partitions] of shares) member.assigned(partitions, !forgotten.has(member))
  }
}
