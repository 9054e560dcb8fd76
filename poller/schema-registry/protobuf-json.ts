// Reads protobuf messages by their .proto text into the JSON that protobuf itself defines; wraps protobufjs.
import protobuf from 'protobufjs'
import descriptor, {
  type IDescriptorProto,
  type IFileDescriptorProto,
  type IFileDescriptorSet,
} from 'protobufjs/ext/descriptor.js'
import { DecodeError } from './decode-error.ts'
import { protoJsonWriter, type ProtoJsonWriter } from './proto-json-writer.ts'
import { shortestFloat } from './shortest-float.ts'
import { messageIndexes, messagePlace, type WireKind } from './wire-format.ts'

export interface ProtoFile {
  /** As others import it. */
  readonly name: string
  /** Some serializers register the compiled descriptor, as Base64, in place of the text. */
  readonly text: string
}

/** Throws DecodeError where the bytes, which begin with message indexes, are not of the schema. */
export type ProtobufReader = (bytes: Buffer) => string

interface Message {
  readonly name: string
  readonly nested: readonly Message[]
}

/** What a file declares, in its order, and what it needs. */
interface Outline {
  readonly package: string
  readonly messages: readonly Message[]
  readonly imports: readonly string[]
  /** Full names of all messages, inner ones as well, in their order as texts. */
  readonly names: readonly string[]
}

/**
 * A reader of the messages of `schema`, which imports `references`. Throws DecodeError where any of them cannot be
 * parsed, or something they import is missing. Fields are as ProtoJSON has them: lowerCamelCase, 64 bits as texts, bytes as
 * Base64, without those that have their default.
 */
export function protobufReader(
  schema: string,
  references: readonly ProtoFile[],
  wire: WireKind = 'confluent',
): ProtobufReader {
  const { root, outline } = explained('its schema cannot be used', () => {
    const files = [...references.map(({ text }) => text), schema]
    const known = new Set(references.map(({ name }) => name))
    const imports = files.flatMap((file) => outlineOf(file).imports)
    const common = [...new Set(imports)].filter((name) => !known.has(name))
    return { root: rootOf(files, common), outline: outlineOf(schema) }
  })
  const types = new Map<string, protobuf.Type>()
  const writers = new Map<protobuf.Type, ProtoJsonWriter>()
  return (bytes) => {
    const { name, at } = messageOf[wire](outline, bytes)
    return explained('it is not of its schema', () => {
      const type = types.get(name) ?? root.lookupType(name)
      types.set(name, type)
      const reader = protobuf.Reader.create(bytes.subarray(at))
      // 0.1, not what 0.1 is as a double: as others print it, and as a filter would have it.
      const float = reader.float.bind(reader)
      reader.float = () => shortestFloat(float())
      return JSON.stringify(protoJsonWriter(type, writers)(type.decode(reader)))
    })
  }
}

/** The full name of the message that a body begins to say, and where it begins. */
const messageOf: Readonly<
  Record<
    WireKind,
    (outline: Outline, bytes: Buffer) => { readonly name: string; readonly at: number }
  >
> = {
  confluent: (outline, bytes) => {
    const { path, at } = messageIndexes(bytes)
    return { name: nameAt(outline, path), at }
  },
  glue: (outline, bytes) => {
    const { place, at } = messagePlace(bytes)
    const name = outline.names[place]
    if (name === undefined) throw new DecodeError(`its schema has no message ${place}`)
    return { name, at }
  },
}

/** `common` are the files that every implementation has with it. */
function rootOf(files: readonly string[], common: readonly string[]): protobuf.Root {
  const written = new protobuf.Root()
  for (const name of common) {
    const file = protobuf.common.get(name)
    if (file === null) throw new DecodeError(`it imports ${name}, which is not there`)
    written.addJSON(file.nested ?? {})
  }
  for (const file of files) {
    if (descriptorOf(file) === undefined) protobuf.parse(file, written, { keepCase: true })
  }
  written.resolveAll()
  const compiled = files.flatMap((file) => descriptorOf(file) ?? [])
  if (compiled.length === 0) return written
  // What compiled files use has to be beside them at once, and compiled as well.
  const set = descriptor.FileDescriptorSet.toObject(written.toDescriptor('proto3'))
  const file = [...((set as IFileDescriptorSet).file ?? []), ...compiled]
  const root = protobuf.Root.fromDescriptor({ file }, { keepCase: true })
  root.resolveAll()
  return root
}

function outlineOf(file: string): Outline {
  const compiled = descriptorOf(file)
  if (compiled !== undefined) {
    const messagesOf = (types: readonly IDescriptorProto[] | null | undefined): Message[] =>
      (types ?? []).map(({ name, nestedType }) => ({
        name: name ?? '',
        nested: messagesOf(nestedType),
      }))
    const [own, messages] = [compiled.package ?? '', messagesOf(compiled.messageType)]
    return {
      package: own,
      messages,
      imports: compiled.dependency ?? [],
      names: namesOf(own, messages),
    }
  }
  // By itself: in the root of all files its messages would be among those of others.
  const alone = new protobuf.Root()
  const { package: own, imports, weakImports } = protobuf.parse(file, alone, { keepCase: true })
  const messagesOf = ({ nestedArray }: protobuf.NamespaceBase): Message[] =>
    nestedArray
      .filter((each) => each instanceof protobuf.Type)
      .map((type) => ({ name: type.name, nested: messagesOf(type) }))
  const scope = own === undefined ? alone : alone.lookup(own)
  const messages = scope instanceof protobuf.Namespace ? messagesOf(scope) : []
  return {
    package: own ?? '',
    messages,
    imports: [...(imports ?? []), ...(weakImports ?? [])],
    names: namesOf(own ?? '', messages),
  }
}

function namesOf(scope: string, messages: readonly Message[]): readonly string[] {
  const inside = (outer: string, { name, nested }: Message): string[] => {
    const full = outer === '' ? name : `${outer}.${name}`
    return [full, ...nested.flatMap((message) => inside(full, message))]
  }
  // As Java compares texts: by their UTF-16 units.
  return messages.flatMap((message) => inside(scope, message)).toSorted((x, y) => (x < y ? -1 : 1))
}

function descriptorOf(file: string): IFileDescriptorProto | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}\s*$/.test(file)) return undefined
  const bytes = Buffer.from(file, 'base64')
  return descriptor.FileDescriptorProto.toObject(descriptor.FileDescriptorProto.decode(bytes))
}

function nameAt({ package: own, messages }: Outline, path: readonly number[]): string {
  const names = own === '' ? [] : [own]
  let here: readonly Message[] = messages
  for (const index of path) {
    const message = here[index]
    if (message === undefined) throw new DecodeError(`its schema has no message ${path.join('.')}`)
    names.push(message.name)
    here = message.nested
  }
  return names.join('.')
}

/** protobufjs says by errors of all kinds that a text or bytes are wrong. */
function explained<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    throw error instanceof DecodeError ? error : new DecodeError(`${what}: ${error.message}`)
  }
}
