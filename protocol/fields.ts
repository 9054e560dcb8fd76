// Describes Kafka messages as typed tables: a field reads and writes itself at a version.
import { DecodeError } from './decode-error.ts'
import { Reader, type TagReader } from './reader.ts'
import { Writer } from './writer.ts'

/** One type of the wire. What is read is complete; what is written may leave defaults out. */
export interface Field<Read, Write = Read> {
  read(reader: Reader, version: number): Read
  write(writer: Writer, value: Write, version: number): void
}

/**
 * A field that not every version has. Where it is absent, it reads as its default and is not
 * written; where it is present, a value left out is written as the default.
 */
export interface VersionedField<Read, Write = Read> {
  readonly field: Field<Read, Write>
  readonly default: Read
  readonly from: number
  readonly to: number
  /** The number of a tagged field, which is written only where it was given. */
  readonly tag?: number
}

// `never` as what is written lets a shape hold fields of every type.
type Shape = Readonly<Record<string, Field<unknown, never> | VersionedField<unknown, never>>>
type OptionalKey<S extends Shape> = {
  [K in keyof S]: S[K] extends VersionedField<infer _R, never> ? K : never
}[keyof S]
type Flat<T> = { [K in keyof T]: T[K] }

export type ReadOf<F> =
  F extends Field<infer Read, never>
    ? Read
    : F extends VersionedField<infer Read, never>
      ? Read
      : never
export type WriteOf<F> =
  F extends Field<unknown, infer Write>
    ? Write
    : F extends VersionedField<unknown, infer Write>
      ? Write
      : never
type StructRead<S extends Shape> = { readonly [K in keyof S]: ReadOf<S[K]> }
type StructWrite<S extends Shape> = Flat<
  { readonly [K in Exclude<keyof S, OptionalKey<S>>]: WriteOf<S[K]> } & {
    readonly [K in OptionalKey<S>]?: WriteOf<S[K]> | undefined
  }
>

export const int8 = primitive<number>(
  (reader) => reader.int8(),
  (writer, value) => writer.int8(value),
)
export const int16 = primitive<number>(
  (reader) => reader.int16(),
  (writer, value) => writer.int16(value),
)
export const uint16 = primitive<number>(
  (reader) => reader.uint16(),
  (writer, value) => writer.uint16(value),
)
export const int32 = primitive<number>(
  (reader) => reader.int32(),
  (writer, value) => writer.int32(value),
)
export const int64 = primitive<number>(
  (reader) => reader.int64(),
  (writer, value) => writer.int64(value),
)
export const bool = primitive<boolean>(
  (reader) => reader.bool(),
  (writer, value) => writer.bool(value),
)
/** `8-4-4-4-12` hexadecimal digits; `zeroUuid` stands for none. */
export const uuid = primitive<string>(
  (reader) => reader.uuid(),
  (writer, value) => writer.uuid(value),
)
export const nullableString = primitive<string | null>(
  (reader) => reader.nullableString(),
  (writer, value) => writer.nullableString(value),
)
export const string = primitive<string>(
  (reader) => present(reader, reader.nullableString()),
  (writer, value) => writer.nullableString(value),
)
export const nullableBytes = primitive<Buffer | null>(
  (reader) => reader.nullableBytes(),
  (writer, value) => writer.nullableBytes(value),
)
export const bytes = primitive<Buffer>(
  (reader) => present(reader, reader.nullableBytes()),
  (writer, value) => writer.nullableBytes(value),
)
/** Record batches, as they are; written from one buffer or from several. */
export const records: Field<Buffer | null, Buffer | readonly Buffer[] | null> = {
  read: (reader) => reader.nullableBytes(),
  write(writer, value) {
    if (value === null || Buffer.isBuffer(value)) writer.nullableBytes(value)
    else writer.gathered(value)
  },
}

export const zeroUuid = '00000000-0000-0000-0000-000000000000'

export function nullableArray<Read, Write>(
  item: Field<Read, Write>,
): Field<readonly Read[] | null, readonly Write[] | null> {
  return {
    read(reader, version) {
      const length = reader.arrayLength()
      if (length === -1) return null
      // Grows as elements turn up: a length alone allots nothing.
      const items: Read[] = []
      for (let left = length; left > 0; left--) items.push(item.read(reader, version))
      return items
    },
    write(writer, value, version) {
      writer.arrayLength(value === null ? -1 : value.length)
      for (const element of value ?? []) item.write(writer, element, version)
    },
  }
}

export function array<Read, Write>(
  item: Field<Read, Write>,
): Field<readonly Read[], readonly Write[]> {
  const { read, write } = nullableArray(item)
  return { read: (reader, version) => present(reader, read(reader, version)), write }
}

/**
 * A nullable field that may be null only from a version on; before it, `substitute` is written in
 * place of null.
 */
export function nullableSince<Read, Write>(
  from: number,
  field: Field<Read | null, Write | null>,
  substitute: NoInfer<Write>,
): Field<Read | null, Write | null> {
  return {
    read(reader, version) {
      const value = field.read(reader, version)
      return version < from ? present(reader, value) : value
    },
    write(writer, value, version) {
      field.write(writer, value === null && version < from ? substitute : value, version)
    },
  }
}

/** A struct that may be missing: one byte in front says whether it is there. */
export function nullableStruct<Read, Write>(
  field: Field<Read, Write>,
): Field<Read | null, Write | null> {
  return {
    read: (reader, version) => (reader.int8() < 0 ? null : field.read(reader, version)),
    write(writer, value, version) {
      writer.int8(value === null ? -1 : 1)
      if (value !== null) field.write(writer, value, version)
    },
  }
}

/** Present in versions `from` to `to`, both included. */
export function versions<Read, Write>(
  range: readonly [from: number, to: number],
  field: Field<Read, Write>,
  absent: NoInfer<Read>,
): VersionedField<Read, Write> {
  return { field, default: absent, from: range[0], to: range[1] }
}

/** Present from a version on. */
export function since<Read, Write>(
  from: number,
  field: Field<Read, Write>,
  absent: NoInfer<Read>,
): VersionedField<Read, Write> {
  return versions([from, Infinity], field, absent)
}

/** Present up to and including a version. */
export function until<Read, Write>(
  to: number,
  field: Field<Read, Write>,
  absent: NoInfer<Read>,
): VersionedField<Read, Write> {
  return versions([0, to], field, absent)
}

/** Present in every version, and may be left out when written. */
export function optional<Read, Write>(
  field: Field<Read, Write>,
  absent: NoInfer<Read>,
): VersionedField<Read, Write> {
  return versions([0, Infinity], field, absent)
}

/** A tagged field (KIP-482) of number `tag`, from a flexible version on. */
export function tagged<Read, Write>(
  place: { readonly tag: number; readonly since: number },
  field: Field<Read, Write>,
  absent: NoInfer<Read>,
): VersionedField<Read, Write> {
  return { ...since(place.since, field, absent), tag: place.tag }
}

/** Fields in the order of the wire; at flexible versions tagged fields follow them. */
export function struct<S extends Shape>(shape: S): Field<StructRead<S>, StructWrite<S>> {
  const plans: Plan[] = []
  const planAt = (version: number): Plan => (plans[version] ??= planOf(shape, version))
  return {
    read: (reader, version) => readStruct(reader, planAt(version), version) as StructRead<S>,
    write: (writer, value, version) => writeStruct(writer, planAt(version), { value, version }),
  }
}

/** A struct's fields at one version: what is on the wire, and what is filled in. */
interface Plan {
  readonly columns: readonly Column[]
  readonly tags: readonly Column[]
}

interface Column {
  readonly key: string
  readonly field: Field<unknown>
  readonly place: 'body' | 'tags' | 'absent'
  readonly default?: unknown
  readonly tag: number
}

function planOf(shape: Shape, version: number): Plan {
  const columns = Object.entries(shape).map(([key, entry]): Column => {
    if (!('field' in entry)) return { key, field: entry, place: 'body', tag: -1 }
    const { field, from, to, tag = -1 } = entry as VersionedField<unknown>
    const isPresent = version >= from && version <= to
    const place = isPresent ? (tag < 0 ? 'body' : 'tags') : 'absent'
    return { key, field, place, tag, default: entry.default }
  })
  const tags = columns.filter(({ place }) => place === 'tags')
  return { columns, tags: tags.toSorted((a, b) => a.tag - b.tag) }
}

type Values = Record<string, unknown>

function readStruct(reader: Reader, plan: Plan, version: number): Values {
  const value: Values = {}
  for (const column of plan.columns) {
    const { key, field, place } = column
    value[key] = place === 'body' ? field.read(reader, version) : column.default
  }
  if (reader.flexible) reader.taggedFields(tagReaders(plan.tags, value, version))
  return value
}

function tagReaders(
  tags: readonly Column[],
  value: Values,
  version: number,
): ReadonlyMap<number, TagReader> | undefined {
  if (tags.length === 0) return undefined
  return new Map(
    tags.map(({ tag, key, field }) => [
      tag,
      (reader) => {
        value[key] = field.read(reader, version)
      },
    ]),
  )
}

function writeStruct(
  writer: Writer,
  plan: Plan,
  { value, version }: { value: object; version: number },
): void {
  const values = value as Values
  for (const { key, field, place, default: absent } of plan.columns) {
    if (place !== 'body') continue
    const given = values[key]
    field.write(writer, given === undefined ? absent : given, version)
  }
  if (!writer.flexible) return
  const given = plan.tags.filter(({ key }) => values[key] !== undefined)
  const tags = given.filter(({ key, default: absent }) => values[key] !== absent)
  writer.unsignedVarint(tags.length)
  for (const { key, field, tag } of tags) {
    const inner = new Writer({ flexible: true })
    field.write(inner, values[key], version)
    writer.unsignedVarint(tag)
    writer.unsignedVarint(inner.sizeBytes)
    for (const piece of inner.done()) writer.append(piece)
  }
}

function present<T>(reader: Reader, value: T | null): T {
  if (value === null) throw new DecodeError('null where a value is due', reader.position)
  return value
}

function primitive<T>(
  read: (reader: Reader) => T,
  write: (writer: Writer, value: T) => void,
): Field<T> {
  return { read, write }
}
