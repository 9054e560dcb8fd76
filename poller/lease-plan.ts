// Decides which leases a poller takes and gives back, so that mappings spread evenly; pure.

export interface LeaseView {
  /** The mappings that exist. */
  readonly wanted: ReadonlySet<string>
  /** Who holds what, by mapping; the dead included. */
  readonly owners: ReadonlyMap<string, string>
  /** The pollers that live, this one included. */
  readonly live: ReadonlySet<string>
  readonly self: string
  /** What this copy runs or is about to end: the lease is its own until that is over. */
  readonly held: ReadonlySet<string>
  readonly leaving: ReadonlySet<string>
  /** False for a while after Redis was away: the others may only not have come back yet. */
  readonly mayTakeOver: boolean
}

export interface LeasePlan {
  /** Free, or of a poller that is dead. */
  readonly take: readonly string[]
  /** To be ended here, then released. */
  readonly giveBack: readonly string[]
  /** Leases that stand for nothing: of mappings that are gone, or ours by name alone. */
  readonly release: readonly string[]
}

/** A poller holds at most its share, ⌈mappings ÷ pollers⌉; what is above it is given back. */
export function planLeases(view: LeaseView): LeasePlan {
  const { wanted, owners, live, self, held, leaving, mayTakeOver } = view
  const share = Math.ceil(wanted.size / Math.max(1, live.size))
  const isOurs = (uuid: string): boolean => held.has(uuid) || leaving.has(uuid)
  const isDead = (owner: string): boolean => mayTakeOver && !live.has(owner)
  const kept = [...held].filter((uuid) => wanted.has(uuid)).toSorted()
  const gone = [...held].filter((uuid) => !wanted.has(uuid))
  const free = [...wanted].filter((uuid) => {
    const owner = owners.get(uuid)
    if (isOurs(uuid)) return false
    return owner === undefined || owner === self || isDead(owner)
  })
  const take = fromOwnPlace(free, view, share).slice(0, Math.max(0, share - kept.length))
  const nobodys = [...owners].filter(([uuid, owner]) => {
    if (isOurs(uuid) || take.includes(uuid)) return false
    return owner === self || (!wanted.has(uuid) && isDead(owner))
  })
  return {
    take,
    giveBack: [...gone, ...kept.slice(share)],
    release: nobodys.map(([uuid]) => uuid),
  }
}

/** Each poller begins elsewhere, so that those who plan at the same moment want different ones. */
function fromOwnPlace(free: readonly string[], view: LeaseView, share: number): readonly string[] {
  const place = [...view.live].toSorted().indexOf(view.self) * share
  const sorted = free.toSorted()
  const start = sorted.length === 0 ? 0 : Math.max(0, place) % sorted.length
  return [...sorted.slice(start), ...sorted.slice(0, start)]
}
