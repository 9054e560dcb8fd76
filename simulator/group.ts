// The consumer group of a simulated mapping, or a stream's checkpoints: how far it is, and who reads what.
import type { PollerProcess } from './poller-process.ts'

/** A commit counts only if it is of the generation that the group is in. */
export class Group {
  readonly committed: Float64Array
  generation = 0
  readonly #isReadable: (partition: number) => boolean
  #members: readonly PollerProcess[] = []

  /** `isReadable` is of a stream's shards, which are not read all the time. */
  constructor(partitions: number, isReadable: (partition: number) => boolean = () => true) {
    this.committed = new Float64Array(partitions)
    this.#isReadable = isReadable
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

  /** Shards may have come, or be over: whoever is to read others than it does is told. */
  follow(): void {
    for (const [member, partitions] of this.#shares()) {
      const { partitions: before } = member
      const isSame =
        partitions.length === before.size && partitions.every((each) => before.has(each))
      if (!isSame) member.assigned(partitions, true)
    }
  }

  #rebalance(members: readonly PollerProcess[], forgotten: ReadonlySet<PollerProcess>): void {
    this.generation += 1
    this.#members = members
    for (const [member, partitions] of this.#shares()) {
      member.assigned(partitions, !forgotten.has(member))
    }
  }

  #shares(): ReadonlyMap<PollerProcess, readonly number[]> {
    const shares = new Map<PollerProcess, number[]>(this.#members.map((member) => [member, []]))
    for (let partition = 0; partition < this.committed.length; partition++) {
      const owner = this.#isReadable(partition) ? this.ownerOf(partition) : undefined
      if (owner !== undefined) shares.get(owner)?.push(partition)
    }
    return shares
  }
}
