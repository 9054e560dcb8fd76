// Decides whom a door lets in: so many connections in all, and of one address.

export interface AdmissionLimits {
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
}

/** Every admitted connection is to be released once. */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #byAddress = new Map<string, number>()
  #all = 0

  constructor(limits: AdmissionLimits) {
    this.#limits = limits
  }

  /** Counts the connection in; or says why not, with the limit's name. */
  refusal(address: string): keyof AdmissionLimits | undefined {
    const ofAddress = this.#byAddress.get(address) ?? 0
    if (this.#all >= this.#limits.connectionsMax) return 'connectionsMax'
    if (ofAddress >= this.#limits.connectionsPerAddressMax) return 'connectionsPerAddressMax'
    this.#byAddress.set(address, ofAddress + 1)
    this.#all += 1
    return undefined
  }

  release(address: string): void {
    const left = (this.#byAddress.get(address) ?? 0) - 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
    this.#all -= 1
  }
}
