// The clusters that mappings name by an ARN: the platform's own, and others that a file leads to.
import { readFile } from 'node:fs/promises'
import type { Config } from './config.ts'
import { AppError, reasonOf } from './errors.ts'

/** Bootstrap servers by how a client gets in, as GetBootstrapBrokers tells them apart. */
export interface ClusterServers {
  readonly plaintext?: readonly string[]
  readonly tls?: readonly string[]
  readonly saslScram?: readonly string[]
}

export interface KafkaCluster {
  readonly arn: string
  readonly name: string
  readonly servers: ClusterServers
  /** The built-in broker, or what `--brokers` has in its place. */
  readonly isOwn: boolean
}

/** Of Amazon MSK's ARNs the UUID and a number of the service's own come last. */
const ownSuffix = 'millrace/00000000-0000-0000-0000-000000000000-1'
const clusterArn = /^arn:aws[a-zA-Z-]*:kafka:[a-z0-9-]+:\d{12}:cluster\/(?<name>[^/]+)\/[^/]+$/

/** Members of the file, and of AWS's answer, which may be pasted there as the CLI prints it. */
const members = {
  bootstrapBrokerString: 'plaintext',
  bootstrapBrokerStringTls: 'tls',
  bootstrapBrokerStringSaslScram: 'saslScram',
} as const satisfies Record<string, keyof ClusterServers>

export interface OwnCluster {
  readonly region: string
  readonly accountId: string
  readonly servers: ClusterServers
}

export class KafkaClusters {
  readonly all: readonly KafkaCluster[]

  constructor({ region, accountId, servers }: OwnCluster, others: readonly KafkaCluster[] = []) {
    const arn = `arn:aws:kafka:${region}:${accountId}:cluster/${ownSuffix}`
    this.all = [{ arn, name: 'millrace', servers, isOwn: true }, ...others]
  }

  find(arn: string): KafkaCluster | undefined {
    return this.all.find((cluster) => cluster.arn === arn)
  }

  /** The cluster of that ARN; one that nobody knows stands for the platform's own. */
  resolve(arn: string): KafkaCluster {
    const known = this.find(arn) ?? this.all[0]
    if (known === undefined) throw new Error('there is always a cluster of our own')
    return known
  }
}

/** Where a client gets in by `way`; where there is no such door, by whichever there is. */
export function serversBy(servers: ClusterServers, way: keyof ClusterServers): readonly string[] {
  return servers[way] ?? servers.saslScram ?? servers.tls ?? servers.plaintext ?? []
}

type ClustersConfig = Pick<
  Config,
  'brokers' | 'brokersSecurity' | 'kafkaListeners' | 'clusters' | 'region' | 'accountId'
>

/** The platform's own and those of `--clusters`; `doors` as for `ownServers`. */
export async function openClusters(
  config: ClustersConfig,
  doors: Readonly<Record<string, string>>,
): Promise<KafkaClusters> {
  const others = await readClusters(config.clusters)
  return new KafkaClusters({ ...config, servers: ownServers(config, doors) }, others)
}

export interface OwnServersSettings {
  readonly brokers: readonly string[]
  readonly brokersSecurity: string
  /** `--kafka-listeners`, where the broker is in this process. */
  readonly kafkaListeners: readonly string[]
}

/**
 * The platform's own doors: the first, and with `all` those of `--kafka-listeners` that have a
 * certificate. `doors` has the addresses that they were opened at, by name.
 */
export function ownServers(
  { brokers, brokersSecurity, kafkaListeners }: OwnServersSettings,
  doors: Readonly<Record<string, string>>,
): ClusterServers {
  const servers: Record<string, readonly string[]> = {
    [ways[brokersSecurity] ?? 'plaintext']: brokers,
  }
  for (const listener of kafkaListeners) {
    const { name, protocol, advertised } = listenerPattern.exec(listener)?.groups ?? {}
    const way = ways[protocol ?? '']
    const address = advertised ?? doors[`kafka-${name}`]
    if (way === undefined || address === undefined) continue
    servers[way] = [...(servers[way] ?? []), address]
  }
  return servers
}

/** Amazon MSK knows no login without TLS; it is where a client with a login goes all the same. */
const ways: Readonly<Record<string, keyof ClusterServers>> = {
  ssl: 'tls',
  sasl_ssl: 'saslScram',
  sasl_plaintext: 'saslScram',
}
const listenerPattern = /^(?<name>[^+:]+)\+(?<protocol>\w+):\/\/[^@]+(?:@(?<advertised>.+))?$/

/** Other clusters, by a file; none where it is not set. Rejects with AppError CONFIG_INVALID. */
export async function readClusters(path: string): Promise<readonly KafkaCluster[]> {
  if (path === '') return []
  let text: string
  let entries: unknown
  try {
    text = await readFile(path, 'utf8')
    entries = JSON.parse(text)
  } catch (error) {
    throw invalid(reasonOf(error), error)
  }
  if (!isObject(entries)) throw invalid(`${path} is not an object of clusters by their ARNs`)
  return Object.entries(entries).map(([arn, entry]) => clusterOf(arn, entry))
}

function clusterOf(arn: string, entry: unknown): KafkaCluster {
  const name = clusterArn.exec(arn)?.groups?.['name']
  if (name === undefined) throw invalid(`"${arn}" is not the ARN of an Amazon MSK cluster`)
  if (!isObject(entry)) throw invalid(`${arn} is not an object`)
  const servers: Record<string, readonly string[]> = {}
  for (const [member, value] of Object.entries(entry)) {
    const way = (members as Readonly<Record<string, string>>)[uncapitalized(member)]
    if (way === undefined) {
      throw invalid(`${arn}: ${member} is none of ${Object.keys(members).join(', ')}`)
    }
    servers[way] = serverList(arn, value)
  }
  if (Object.keys(servers).length === 0) throw invalid(`${arn} has no bootstrap servers`)
  return { arn, name, servers, isOwn: false }
}

function serverList(arn: string, value: unknown): readonly string[] {
  const list = typeof value === 'string' ? value.split(',').map((each) => each.trim()) : []
  if (list.length > 0 && list.every((each) => /^[^:\s]+:\d{1,5}$/.test(each))) return list
  throw invalid(`${arn}: ${JSON.stringify(value)} is not host:port,host:port`)
}

function uncapitalized(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

function invalid(reason: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', { setting: '--clusters', reason }, cause)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
