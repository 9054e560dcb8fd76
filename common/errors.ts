// The one table of operating errors: what can go wrong with machine, disk, network or configuration.

/**
 * Every operating error, by code. `retriable` says whether the same call may succeed later with
 * nothing changed by the operator; `message` is a template whose `{name}` parts are filled in.
 * `docs/errors.md` is generated from this table.
 */
export const errorTable = {
  CONFIG_INVALID: { retriable: false, message: '{setting}: {reason}' },
  PORT_TAKEN: {
    retriable: false,
    message: 'cannot open the {door} door on {host}:{port}: another process listens there',
  },
  DOOR_NOT_OPENED: {
    retriable: false,
    message: 'cannot open the {door} door on {host}:{port}: {reason}',
  },
  DATA_DIR_LOCKED: {
    retriable: false,
    message: 'data directory {dir} is in use by process {pid}',
  },
  DATA_DIR_NOT_WRITABLE: {
    retriable: false,
    message: 'data directory {dir} is not writable: {reason}',
  },
  LOG_CORRUPT: { retriable: false, message: '{file} is damaged at position {position}: {reason}' },
  STORAGE_FAILED: { retriable: true, message: 'cannot {operation} {file}: {reason}' },
  REGISTRY_CORRUPT: { retriable: false, message: '{file} is not a registry entry: {reason}' },
  BROKER_UNREACHABLE: { retriable: true, message: 'no broker answers at {brokers}: {reason}' },
  SECRET_UNREADABLE: { retriable: true, message: 'secret {secret} cannot be used: {reason}' },
  CERTIFICATE_INVALID: {
    retriable: true,
    message: 'secret {secret} has no certificate and private key that fit: {reason}',
  },
  BROKER_REFUSED: { retriable: true, message: 'broker {brokers} refused {request}: {reason}' },
  BROKER_ANSWER_INVALID: {
    retriable: true,
    message: 'broker {brokers} gave an answer to {request} that cannot be read: {reason}',
  },
  SCHEMA_REGISTRY_UNREACHABLE: {
    retriable: true,
    message: 'no schema registry answers at {url}: {reason}',
  },
  SCHEMA_REGISTRY_REFUSED: {
    retriable: true,
    message: 'schema registry {url} refused {request}: {reason}',
  },
  TOPIC_MISSING: { retriable: true, message: 'topic {topic} does not exist at {brokers}' },
  KINESIS_UNREACHABLE: { retriable: true, message: 'no Kinesis answers at {endpoint}: {reason}' },
  KINESIS_REFUSED: {
    retriable: true,
    message: 'Kinesis at {endpoint} refused {request}: {reason}',
  },
  REDIS_UNREACHABLE: { retriable: true, message: 'no Redis answers at {address}: {reason}' },
  REDIS_REFUSED: { retriable: true, message: 'Redis at {address} refused {command}: {reason}' },
  REGISTRY_CONFLICT: {
    retriable: true,
    message: '{kind} {key} was changed by another copy of control at the same time',
  },
  RUNTIME_MISSING: { retriable: true, message: '{runtime} is not on this machine: {advice}' },
  WORKERS_UNREACHABLE: { retriable: true, message: 'no workers answer at {url}: {reason}' },
  DESTINATION_FAILED: {
    retriable: true,
    message: 'destination {destination} took nothing: {reason}',
  },
  DESTINATION_REFUSED: {
    retriable: false,
    message: 'destination {destination} does not take it: {reason}',
  },
  TEMPLATE_INVALID: { retriable: false, message: '{file}:{line}: {reason}' },
  TEMPLATE_WAITS: { retriable: true, message: '{file}:{line}: {reason}' },
  INPUT_INVALID: { retriable: false, message: '{source}: {reason}' },
} as const satisfies Record<string, { retriable: boolean; message: string }>

export type ErrorCode = keyof typeof errorTable

/** An operating error from the table. `cause` is what the machine or a library reported. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly retriable: boolean

  constructor(
    code: ErrorCode,
    details: Readonly<Record<string, string | number>>,
    cause?: unknown,
  ) {
    super(fill(errorTable[code].message, details), cause === undefined ? {} : { cause })
    this.name = 'AppError'
    this.code = code
    this.retriable = errorTable[code].retriable
  }
}

/** The message of anything thrown, for a log line. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The system's code of a thrown error (`ENOENT`, `EADDRINUSE`, …), where it has one. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

function fill(template: string, details: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `{${name}}`))
}
