// Turns the settings of the Kafka doors into listeners, each with the address that its clients are told.
import { AppError } from '../common/errors.ts'
import type { Address } from './api/broker-context.ts'
import { listenerProtocols, type Listener, type ListenerProtocol } from './server/kafka-server.ts'

export interface ListenerSettings {
  readonly host: string
  /** 0 means any free one. */
  readonly port: number
  /** `host:port` that clients are told to connect to; empty for the address at which they reached us. */
  readonly advertised: string
  /** Of the first door; `plaintext` unless given. */
  readonly protocol?: ListenerProtocol
  /**
   * Doors beside the first: `name://host:port`, or `name://host:port@advertisedHost:advertisedPort`; the name
   * may have a protocol after it, `name+sasl_ssl://…`.
   */
  readonly listeners?: readonly string[]
}

/**
 * The doors, the first of them `kafka`, the others `kafka-` and their name. One that several networks
 * can reach under different names needs a door for each: a client goes on with the address it is told.
 * Throws AppError CONFIG_INVALID.
 */
export function listenersOf(settings: ListenerSettings): readonly Listener[] {
  const { host, port, advertised, protocol = 'plaintext', listeners = [] } = settings
  const first: Listener = {
    door: 'kafka',
    protocol,
    host,
    port,
    advertised:
      advertised === '' ? undefined : addressIn(advertised, '--kafka-advertised', advertised),
  }
  const doors = [first, ...listeners.map(parseListener)]
  const names = doors.map(({ door }) => door)
  const double = names.find((name, index) => names.indexOf(name) !== index)
  if (double === undefined) return doors
  throw invalid(further, `there are two doors ${double}`)
}

const further = '--kafka-listeners'

function parseListener(text: string): Listener {
  const [, name, security = 'plaintext', where = '', advertised] =
    /^([a-z][a-z0-9-]*)(?:\+([A-Za-z_]+))?:\/\/([^@]*)(?:@(.*))?$/.exec(text) ?? []
  if (name === undefined) throw invalid(further, `"${text}" is not name://host:port`)
  const protocol = listenerProtocols.find((each) => each === security.toLowerCase())
  if (protocol === undefined) {
    const known = listenerProtocols.join(', ')
    throw invalid(further, `"${security}" in "${text}" is not one of ${known}`)
  }
  return {
    door: `kafka-${name}`,
    protocol,
    ...addressIn(where, further, text),
    advertised: advertised === undefined ? undefined : addressIn(advertised, further, text),
  }
}

/** `host:port`, an IPv6 host in brackets. */
function addressIn(text: string, setting: string, whole: string): Address {
  const [, v6, host = v6, port] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text) ?? []
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) }
  throw invalid(setting, `"${text}"${text === whole ? '' : ` in "${whole}"`} is not host:port`)
}

function invalid(setting: string, reason: string): AppError {
  return new AppError('CONFIG_INVALID', { setting, reason })
}
