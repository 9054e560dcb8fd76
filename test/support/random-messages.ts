// Makes messages of every Kafka API at every version, with values that the tables themselves generate.
import { apis, type ApiName } from '../../protocol/apis.ts'
import type { Field } from '../../protocol/fields.ts'
import { Reader, type TagReader } from '../../protocol/reader.ts'

/** Lets a table read random values where a frame's would be: so it makes a message of itself. */
class RandomReader extends Reader {
  readonly #random: () => number

  readonly #bytes: Buffer | undefined

  constructor(random: () => number, flexible: boolean, bytes: Buffer | undefined) {
    super(Buffer.alloc(0), { flexible })
    this.#random = random
    this.#bytes = bytes
  }

  override int8 = (): number => this.#between(-128, 127)
  override int16 = (): number => this.#between(-32_768, 32_767)
  override uint16 = (): number => this.#between(0, 65_535)
  override int32 = (): number => this.#between(-(2 ** 31), 2 ** 31 - 1)
  override int64 = (): number => this.#between(-(2 ** 52), 2 ** 52)
  override bool = (): boolean => this.#random() < 0.5
  override arrayLength = (): number => this.#between(0, 3)
  override nullableBytes = (): Buffer =>
    this.#bytes ?? Buffer.alloc(this.#between(0, 40), this.#between(0, 255))

  override nullableString(): string {
    return ['', 'orders', 'größe', '漢字', 'x'.repeat(130)][this.#between(0, 4)] ?? ''
  }

  override uuid(): string {
    const hex = (digits: number): string =>
      Array.from({ length: digits }, () => this.#between(0, 15).toString(16)).join('')
    return [8, 4, 4, 4, 12].map(hex).join('-')
  }

  override taggedFields(known?: ReadonlyMap<number, TagReader>): void {
    for (const read of known?.values() ?? []) if (this.#random() < 0.5) read(this)
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }
}

const names = Object.keys(apis) as ApiName[]

export const everyVersion = names.flatMap((name) => {
  const { minVersion, maxVersion } = apis[name]
  const count = maxVersion - minVersion + 1
  return Array.from({ length: count }, (_, index) => ({ name, version: minVersion + index }))
})

export interface RandomMessage {
  readonly name: ApiName
  readonly kind: 'request' | 'response'
  readonly version: number
  /** Stands for every value of type bytes; random ones unless given. */
  readonly bytes?: Buffer
}

export function randomMessage(
  random: () => number,
  { name, kind, version, bytes }: RandomMessage,
): never {
  const table: Field<unknown, never> = apis[name][kind]
  const reader = new RandomReader(random, version >= apis[name].flexibleSince, bytes)
  return table.read(reader, version) as never
}
