// Counts in a large decimal number by steps of one size, its digits kept as text: quicker than a bigint's for each.
import assert from 'node:assert/strict'

const limbDigits = 7
const limb = 10 ** limbDigits
const zero = 0x30

/**
 * A number of a fixed count of digits, in limbs of seven, the lowest first: their sums are small integers. Most steps change
 * the lower half alone, and so little is written anew.
 *
 * Invariant: `digits` is `#limbs` as ASCII.
 */
export class SequenceDigits {
  readonly digits: Buffer
  readonly #limbs: Int32Array
  readonly #step: readonly number[]

  /** `count` is a multiple of seven. */
  constructor(count: number, step: bigint) {
    assert(count % limbDigits === 0)
    this.digits = Buffer.alloc(count, zero)
    this.#limbs = new Int32Array(count / limbDigits)
    this.#step = limbsOf(step)
    assert(this.#step.length <= this.#limbs.length)
  }

  /** The number has as many digits at most. */
  set(value: bigint): void {
    const limbs = limbsOf(value)
    assert(value >= 0n && limbs.length <= this.#limbs.length)
    for (let index = 0; index < this.#limbs.length; index++) this.#put(index, limbs[index] ?? 0)
  }

  /** One step up. */
  next(): void {
    const limbs = this.#limbs
    const step = this.#step
    let carry = 0
    for (let index = 0; index < step.length || carry > 0; index++) {
      assert(index < limbs.length, 'the number has no room for its digits')
      const sum = (limbs[index] as number) + (step[index] ?? 0) + carry
      carry = sum >= limb ? 1 : 0
      this.#put(index, sum - carry * limb)
    }
  }

  #put(index: number, value: number): void {
    this.#limbs[index] = value
    const { digits } = this
    const end = digits.length - index * limbDigits
    let left = value
    for (let at = end - 1; at >= end - limbDigits; at--) {
      const above = (left / 10) | 0
      digits[at] = zero + left - above * 10
      left = above
    }
  }
}

function limbsOf(value: bigint): number[] {
  const limbs: number[] = []
  for (let left = value; left > 0n; left /= BigInt(limb)) limbs.push(Number(left % BigInt(limb)))
  return limbs
}
