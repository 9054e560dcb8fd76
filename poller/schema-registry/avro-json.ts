// Reads Avro's binary encoding by the schema that it was written with, straight into JSON text.
import { decodedDepthMax } from '../../common/schema-limits.ts'
import { AvroCursor } from './avro-cursor.ts'
import { DecodeError } from './decode-error.ts'
import { shortestFloat } from './shortest-float.ts'

/** Throws DecodeError where the bytes are not of the schema. */
export type AvroReader = (bytes: Buffer) => string

type Read = (from: AvroCursor) => string
type Node = Readonly<Record<string, unknown>>

/** Of Avro's names the part before the last dot. */
interface Scope {
  readonly names: Map<string, Read>
  readonly namespace: string
  readonly depth: number
}

/**
 * A reader of what `schema` describes; `references` are the schemas whose names it uses, each after those that it uses
 * itself. Throws DecodeError where any of them is no Avro schema.
 *
 * Unions are their value, without the name of its type. Bytes and fixed are texts of the characters 0 to 255, as in Avro's own JSON. Longs have all
 * their digits; numbers that JSON does not have are texts, "NaN" and "Infinity". Logical types are what they are stored as.
 */
export function avroReader(schema: string, references: readonly string[]): AvroReader {
  const scope = { names: new Map<string, Read>(), namespace: '', depth: 0 }
  for (const reference of references) compile(parse(reference), scope)
  const parsed = parse(schema)
  // Serializers write a lone byte array as it is, without its length.
  if (parsed === 'bytes' || (isNode(parsed) && parsed['type'] === 'bytes')) return latin1Text
  const read = compile(parsed, scope)
  return (bytes) => read(new AvroCursor(bytes))
}

function parse(schema: string): unknown {
  try {
    return JSON.parse(schema)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    // A primitive may be written without quotes.
    if (schema.trim() in primitives) return schema.trim()
    throw new DecodeError('its schema is not JSON')
  }
}

const primitives: Readonly<Record<string, Read>> = {
  null: (from) => from.emit('null'),
  boolean: (from) => from.emit(from.byte() === 0 ? 'false' : 'true'),
  int: (from) => from.emit(String(from.long())),
  long: (from) => from.emit(String(from.long())),
  float: (from) => from.emit(floatText(from.float())),
  double: (from) => from.emit(doubleText(from.double())),
  bytes: (from) => from.emit(JSON.stringify(from.text(from.count(), 'latin1'))),
  string: (from) => from.emit(JSON.stringify(from.text(from.count(), 'utf8'))),
}

function compile(schema: unknown, scope: Scope): Read {
  if (scope.depth > decodedDepthMax) throw new DecodeError('its schema is nested too deeply')
  const inner = { ...scope, depth: scope.depth + 1 }
  if (typeof schema === 'string') return primitives[schema] ?? named(schema, scope)
  if (Array.isArray(schema)) return union(schema, inner)
  if (!isNode(schema)) throw new DecodeError('its schema has a type that is none')
  const { type } = schema
  switch (type) {
    case 'record':
    case 'error':
      return record(schema, inner)
    case 'enum':
      return enumeration(schema, inner)
    case 'fixed':
      return fixed(schema, inner)
    case 'array': {
      const item = compile(schema['items'], inner)
      return (from) => from.inside(() => `[${from.blocks(() => item(from))}]`)
    }
    case 'map': {
      const value = compile(schema['values'], inner)
      const key = compile('string', inner)
      return (from) => from.inside(() => `{${from.blocks(() => `${key(from)}:${value(from)}`)}}`)
    }
    default:
      return compile(type, inner)
  }
}

/** Looked up when it is read: a type may be inside itself. */
function named(name: string, { names, namespace }: Scope): Read {
  const known = (full: string): boolean => names.has(full)
  const inNamespace = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
  const full = [inNamespace, name].find(known)
  if (full === undefined) throw new DecodeError(`its schema has no type ${name}`)
  return (from) => {
    const read = names.get(full)
    if (read === undefined) throw new DecodeError(`its schema has no type ${name}`)
    return read(from)
  }
}

/** Makes a type known by its name, and its namespace that of what is in it. */
function declare(schema: Node, scope: Scope): { readonly full: string; readonly inner: Scope } {
  const name = schema['name']
  if (typeof name !== 'string' || name === '')
    throw new DecodeError('its schema has a nameless type')
  const own = schema['namespace']
  const dot = name.lastIndexOf('.')
  const namespace = dot >= 0 ? name.slice(0, dot) : typeof own === 'string' ? own : scope.namespace
  const short = name.slice(dot + 1)
  const full = namespace === '' ? short : `${namespace}.${short}`
  scope.names.set(full, () => {
    throw new DecodeError(`its schema uses ${full} before it is whole`)
  })
  return { full, inner: { ...scope, namespace } }
}

function record(schema: Node, scope: Scope): Read {
  const { full, inner } = declare(schema, scope)
  const fields = schema['fields']
  if (!Array.isArray(fields)) throw new DecodeError(`its schema has no fields for ${full}`)
  const parts = fields.map((field: unknown, index): readonly [string, Read] => {
    if (!isNode(field) || typeof field['name'] !== 'string') {
      throw new DecodeError(`its schema has a nameless field in ${full}`)
    }
    return [
      `${index === 0 ? '' : ','}${JSON.stringify(field['name'])}:`,
      compile(field['type'], inner),
    ]
  })
  const read: Read = (from) =>
    from.inside(() => {
      let text = '{'
      for (const [name, value] of parts) text += from.emit(name) + value(from)
      return `${text}}`
    })
  scope.names.set(full, read)
  return read
}

function enumeration(schema: Node, scope: Scope): Read {
  const { full } = declare(schema, scope)
  const symbols = schema['symbols']
  if (!Array.isArray(symbols)) throw new DecodeError(`its schema has no symbols for ${full}`)
  const texts = symbols.map((symbol) => JSON.stringify(String(symbol)))
  const read: Read = (from) => {
    const text = texts[from.count()]
    if (text === undefined) throw new DecodeError(`${full} has no such symbol`)
    return from.emit(text)
  }
  scope.names.set(full, read)
  return read
}

function fixed(schema: Node, scope: Scope): Read {
  const { full } = declare(schema, scope)
  const size = schema['size']
  if (typeof size !== 'number') throw new DecodeError(`its schema has no size for ${full}`)
  const read: Read = (from) => from.emit(JSON.stringify(from.text(size, 'latin1')))
  scope.names.set(full, read)
  return read
}

function union(branches: readonly unknown[], scope: Scope): Read {
  const reads = branches.map((branch) => compile(branch, scope))
  return (from) => {
    const read = reads[from.count()]
    if (read === undefined) throw new DecodeError('a union has no such branch')
    return read(from)
  }
}

function latin1Text(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1'))
}

function doubleText(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`
}

function floatText(value: number): string {
  return doubleText(shortestFloat(value))
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
