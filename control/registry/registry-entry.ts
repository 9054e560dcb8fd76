// Writes a registry entry as JSON text and reads it back, checking every field.
import {
  schemaAttributes,
  schemaFormats,
  systemLogLevels,
  type FunctionCode,
  type FunctionRecord,
  type MappingCheckpoint,
  type MappingRecord,
  type MappingStatus,
  type VersionRecord,
  type WorkersStatus,
} from './registry.ts'

/** Grows when a field changes its meaning; an entry of another format is refused, not guessed at. */
const format = 1

/** What a field must be. `undefined` answers "not this". */
type Field = (value: unknown) => boolean
type Fields = Readonly<Record<string, Field>>

const text: Field = (value) => typeof value === 'string'
const whole: Field = (value) => Number.isSafeInteger(value)
const texts: Field = (value) => Array.isArray(value) && value.every(text)
const textByName: Field = (value) => isObject(value) && Object.values(value).every(text)
const oneOf =
  (...words: readonly string[]): Field =>
  (value) =>
    typeof value === 'string' && words.includes(value)
const maybe =
  (field: Field): Field =>
  (value) =>
    value === undefined || field(value)

const functionCode: Field = (value) => {
  if (!isObject(value) || !text(value['directory'])) return false
  const kind = value['kind'] as FunctionCode['kind']
  return kind === 'hot-reload'
    ? true
    : kind === 'zip' && text(value['sha256']) && whole(value['sizeBytes'])
}

const provisionedPollers: Field = (value) =>
  isObject(value) &&
  whole(value['minimum']) &&
  whole(value['maximum']) &&
  maybe(text)(value['groupName'])

const failureHandling: Field = (value) =>
  isObject(value) &&
  whole(value['maximumRetryAttempts']) &&
  whole(value['maximumRecordAgeSeconds']) &&
  typeof value['bisects'] === 'boolean' &&
  typeof value['reportsItemFailures'] === 'boolean' &&
  maybe(text)(value['destination'])

const listOf =
  (field: Field): Field =>
  (value) =>
    Array.isArray(value) && value.every(field)

const sourceAccess: Field = (value) => isObject(value) && text(value['type']) && text(value['uri'])

const schemaRegistry: Field = (value) =>
  isObject(value) &&
  text(value['uri']) &&
  oneOf(...schemaFormats)(value['format']) &&
  listOf(oneOf(...schemaAttributes))(value['attributes']) &&
  maybe(listOf(sourceAccess))(value['access'])

const provisioned: Field = (value) =>
  isObject(value) &&
  text(value['qualifier']) &&
  whole(value['executions']) &&
  whole(value['lastModifiedMs'])

const provisionedStatus: Field = (value) =>
  isObject(value) &&
  text(value['functionName']) &&
  text(value['version']) &&
  whole(value['wanted']) &&
  whole(value['ready']) &&
  maybe(text)(value['failure'])

const policy: Field = (value) =>
  isObject(value) &&
  text(value['qualifier']) &&
  text(value['revisionId']) &&
  listOf((each) => isObject(each) && text(each['sid']) && text(each['json']))(
    value['statements'],
  ) &&
  maybe(policyDocument)(value['document'])

const policyDocument: Field = (value) =>
  isObject(value) && maybe(text)(value['version']) && maybe(text)(value['id'])

const alias: Field = (value) =>
  isObject(value) &&
  text(value['name']) &&
  text(value['functionVersion']) &&
  text(value['description']) &&
  text(value['revisionId']) &&
  maybe(additionalVersion)(value['additional'])

const additionalVersion: Field = (value) =>
  isObject(value) && text(value['version']) && Number.isFinite(value['weight'])

const eventInvokeConfigs: Field = (value) =>
  isObject(value) &&
  Object.values(value).every(
    (config) =>
      isObject(config) &&
      whole(config['lastModifiedMs']) &&
      maybe(whole)(config['maximumRetryAttempts']) &&
      maybe(whole)(config['maximumEventAgeSeconds']) &&
      maybe(text)(config['onSuccess']) &&
      maybe(text)(config['onFailure']),
  )

const logging: Field = (value) =>
  isObject(value) &&
  oneOf('Text', 'JSON')(value['format']) &&
  maybe(text)(value['applicationLevel']) &&
  maybe(text)(value['systemLevel']) &&
  maybe(text)(value['group'])

const layers: Field = (value) =>
  isObject(value) &&
  text(value['directory']) &&
  text(value['sha256']) &&
  listOf(
    (each) =>
      isObject(each) && text(each['arn']) && text(each['sha256']) && whole(each['sizeBytes']),
  )(value['versions'])

const functionFields = {
  name: text,
  arn: text,
  revision: whole,
  revisionId: text,
  lastModifiedMs: whole,
  code: functionCode,
  runtime: text,
  handler: text,
  role: text,
  description: text,
  memorySizeMb: whole,
  timeoutSeconds: whole,
  ephemeralStorageMb: whole,
  architectures: texts,
  environment: textByName,
  layers: maybe(layers),
  logging: maybe(logging),
  reservedConcurrency: maybe(whole),
  contentId: maybe(text),
  lastVersion: maybe(whole),
  aliases: maybe(listOf(alias)),
  tags: maybe(textByName),
  policies: maybe(listOf(policy)),
  eventInvokeConfigs: maybe(eventInvokeConfigs),
  deadLetterArn: maybe(text),
  provisioned: maybe(listOf(provisioned)),
} as const satisfies Record<keyof FunctionRecord, Field>

const versionFields = {
  ...functionFields,
  version: text,
  contentDigest: text,
} as const satisfies Record<keyof VersionRecord, Field>

const mappingFields = {
  uuid: text,
  revision: whole,
  lastModifiedMs: whole,
  lastChange: oneOf('create', 'update', 'enable', 'disable', 'delete'),
  desired: oneOf('enabled', 'disabled', 'deleted'),
  functionName: text,
  qualifier: maybe(text),
  functionArn: text,
  eventSourceArn: maybe(text),
  bootstrapServers: maybe(texts),
  topic: text,
  consumerGroupId: text,
  batchSize: whole,
  batchingWindowSeconds: maybe(whole),
  startingPosition: oneOf('TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'),
  startingPositionTimestampMs: maybe(whole),
  filterPatterns: texts,
  parallelizationFactor: maybe(whole),
  tumblingWindowSeconds: maybe(whole),
  provisionedPollers: maybe(provisionedPollers),
  failureHandling: maybe(failureHandling),
  sourceAccess: maybe(listOf(sourceAccess)),
  schemaRegistry: maybe(schemaRegistry),
  metrics: maybe(texts),
  systemLogLevel: maybe(oneOf(...systemLogLevels)),
  kmsKeyArn: maybe(text),
  tags: maybe(textByName),
} as const satisfies Record<keyof MappingRecord, Field>

const partitionLag: Field = (value) =>
  isObject(value) &&
  whole(value['partition']) &&
  whole(value['records']) &&
  maybe(whole)(value['ageMs'])

const mappingLag: Field = (value) =>
  isObject(value) &&
  whole(value['atMs']) &&
  text(value['cause']) &&
  text(value['detail']) &&
  whole(value['records']) &&
  whole(value['ageMs']) &&
  whole(value['trendPerSecond']) &&
  listOf(partitionLag)(value['partitions'])

const statusFields = {
  uuid: text,
  revision: whole,
  state: oneOf('enabled', 'disabled', 'gone'),
  lastProcessingResult: text,
  lag: maybe(mappingLag),
  stateTransitionReason: maybe(text),
} as const satisfies Record<keyof MappingStatus, Field>

const shardCheckpoint: Field = (value) =>
  isObject(value) &&
  text(value['shardId']) &&
  maybe(text)(value['after']) &&
  maybe(whole)(value['fromMs']) &&
  maybe((ended) => ended === true)(value['ended'])

const checkpointFields = {
  uuid: text,
  streamCreatedMs: whole,
  shards: listOf(shardCheckpoint),
} as const satisfies Record<keyof MappingCheckpoint, Field>

const workersFields = {
  copy: text,
  beat: whole,
  provisioned: listOf(provisionedStatus),
} as const satisfies Record<keyof WorkersStatus, Field>

/** How one kind of entry is named and checked. */
export interface EntryFormat<T> {
  /** The name that its file must have. */
  keyOf(entry: T): string
  /** What `keyOf` is made of, for the one who reads of an entry that is not in its place. */
  readonly keyField: string
  readonly fields: Fields
}

/** Of a version of a function; no name has an `@`. */
export function versionKey(name: string, version: string): string {
  return `${name}@${version}`
}

/** All that a registry keeps, by the names of its folders. */
export interface EntryKinds {
  readonly functions: FunctionRecord
  readonly versions: VersionRecord
  readonly mappings: MappingRecord
  readonly status: MappingStatus
  readonly checkpoints: MappingCheckpoint
  readonly provisioned: WorkersStatus
}

export const entryFormats: { readonly [Kind in keyof EntryKinds]: EntryFormat<EntryKinds[Kind]> } =
  {
    functions: { keyOf: ({ name }) => name, keyField: 'name', fields: functionFields },
    versions: {
      keyOf: ({ name, version }) => versionKey(name, version),
      keyField: 'name with its version',
      fields: versionFields,
    },
    mappings: { keyOf: ({ uuid }) => uuid, keyField: 'uuid', fields: mappingFields },
    status: { keyOf: ({ uuid }) => uuid, keyField: 'uuid', fields: statusFields },
    checkpoints: { keyOf: ({ uuid }) => uuid, keyField: 'uuid', fields: checkpointFields },
    provisioned: { keyOf: ({ copy }) => copy, keyField: 'copy', fields: workersFields },
  }

/** Indented, because people look into the folder. */
export function formatEntry(entry: object): string {
  return `${JSON.stringify({ format, ...entry }, undefined, 2)}\n`
}

/** An entry, or what is wrong with the text. `key` is what the file's name says. */
export function parseEntry<T>(
  entryFormat: EntryFormat<T>,
  key: string,
  source: string,
): { readonly entry: T } | { readonly reason: string } {
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return { reason: 'it is not JSON' }
  }
  if (!isObject(value)) return { reason: 'it is not an object' }
  if (value['format'] !== format) return { reason: `its format is not ${format}` }
  for (const [name, field] of Object.entries(entryFormat.fields)) {
    if (!field(value[name])) return { reason: `its ${name} is missing or of the wrong kind` }
  }
  const { format: _, ...fields } = value
  const entry = fields as T
  if (entryFormat.keyOf(entry) !== key) {
    return { reason: `its ${entryFormat.keyField} is not its file's name` }
  }
  return { entry }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
