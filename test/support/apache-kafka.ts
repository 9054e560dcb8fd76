// Starts Apache Kafka as test/peers/kafka.sh fetched it: one node, KRaft, default settings, a free port.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Admin, Producer } from '../../common/kafka-client.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const jars = new URL('../../.cache/peers/kafka/libs', import.meta.url).pathname

export interface ApacheKafka {
  readonly address: string
  readonly pid: number
  readonly version: string
  /** Resolves when the process has ended. */
  stop(): Promise<void>
}

export interface ApacheKafkaOptions {
  /** Made and formatted unless it is there from an earlier life. */
  readonly dataDir: string
  /** Lines of server.properties beside those that a single node needs. */
  readonly properties?: readonly string[]
  /** As kafka-server-start.sh has it. */
  readonly heap?: string
  /** That of an earlier life, which clients know; any free one unless given. */
  readonly port?: number
}

/** Resolves when the process runs; its door opens some seconds later. */
export async function startApacheKafka(options: ApacheKafkaOptions): Promise<ApacheKafka> {
  if (!existsSync(jars)) throw new Error('Apache Kafka is missing: run "make test-peers"')
  const { dataDir, properties = [], heap = '-Xmx1G -Xms1G' } = options
  const config = join(dataDir, 'server.properties')
  const [port, controllerPort] = [options.port ?? (await freePort()), await freePort()]
  mkdirSync(dataDir, { recursive: true })
  const isNew = writeNew(join(dataDir, 'cluster'), 'q1Sh-9_ISia_zwGINzRvyQ')
  writeFileSync(
    config,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      'controller.listener.names=CONTROLLER',
      `log.dirs=${join(dataDir, 'logs')}`,
      // A single node cannot replicate; the shipped server.properties has the same three lines.
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      ...properties,
      '',
    ].join('\n'),
  )
  if (isNew) format(config, readFileSync(join(dataDir, 'cluster'), 'utf8'))
  const output = openSync(join(dataDir, 'output.txt'), 'a')
  const child = spawn('java', [...javaFlags(heap), 'kafka.Kafka', config], {
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  return {
    address: `127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    version: versionOf(),
    stop: () => end(child),
  }
}

/** Members of groups come one by one in a test, and nobody wants to wait for more of them. */
export const smallKafka = {
  properties: ['group.initial.rebalance.delay.ms=0', 'offsets.topic.num.partitions=1'],
  heap: '-Xmx512m -Xms256m',
} as const

/** Resolves when both clients are connected, which they are once the door is open and the node knows of itself. */
export async function connectedToKafka(admin: Admin, producer: Producer): Promise<void> {
  await eventually(
    async () => {
      try {
        await Promise.all([admin.connect(), producer.connect()])
        await admin.listTopics()
        return true
      } catch (error) {
        if (error instanceof Error && error.name.startsWith('KafkaJS')) return undefined
        throw error
      }
    },
    () => 'Apache Kafka opens its door',
    60_000,
  )
}

/** What kafka-run-class.sh hands to Java. */
function javaFlags(heap: string): string[] {
  const tuning =
    '-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent'
  return [...heap.split(' '), ...tuning.split(' '), '-Djava.awt.headless=true', '-cp', `${jars}/*`]
}

function format(config: string, clusterId: string): void {
  const args = ['-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c']
  const { status, stdout, stderr } = spawnSync('java', [...args, config], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Kafka's storage cannot be formatted: ${stdout}${stderr}`)
}

function versionOf(): string {
  const { stdout } = spawnSync('ls', [jars], { encoding: 'utf8' })
  return /^kafka_2\.13-(.*)\.jar$/m.exec(stdout)?.[1] ?? ''
}

/** False where the file is there already. */
function writeNew(path: string, content: string): boolean {
  try {
    writeFileSync(path, content, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}
