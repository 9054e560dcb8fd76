// The one table of settings: every flag and environment variable, its type, default and meaning.

import { kinesisSettings } from './kinesis-settings.ts'
import { logSettings } from './log-settings.ts'
import { producerSettings } from './producer-settings.ts'

/** The programs that `main.ts` starts. */
export const roles = ['broker', 'control', 'poller', 'workers', 'producer', 'all'] as const
export type RoleName = (typeof roles)[number]

/** How a setting's text becomes a value; `parse` in config.ts has one function per kind. */
export type SettingKind =
  | 'text'
  | 'port'
  | 'door'
  | 'count'
  | 'switch'
  | 'bytes'
  | 'milliseconds'
  | 'list'

export interface Setting {
  readonly kind: SettingKind
  readonly default: string
  /** For a `text` that is one of a few words. */
  readonly choices?: readonly string[]
  readonly roles: readonly RoleName[]
  readonly help: string
}

const servers = ['broker', 'control', 'poller', 'workers', 'all'] as const
const everyone = roles

/**
 * A setting `kafkaPort` is the flag `--kafka-port` and the variable `MILLRACE_KAFKA_PORT`; the flag
 * wins. Defaults are texts, parsed like any other. `docs/settings.md` is generated from this table.
 */
export const settingsTable = {
  dataDir: {
    kind: 'text',
    default: './millrace-data',
    roles: servers,
    help: 'Directory for logs, offsets, functions and mappings.',
  },
  host: {
    kind: 'text',
    default: '127.0.0.1',
    roles: servers,
    help: 'Address every door listens on.',
  },
  kafkaPort: {
    kind: 'port',
    default: '9092',
    roles: ['broker', 'all'],
    help: 'Port of the Kafka wire protocol; 0 means any free one.',
  },
  awsPort: {
    kind: 'port',
    default: '4566',
    roles: ['control', 'all'],
    help: 'Port of the AWS APIs (Lambda); 0 means any free one.',
  },
  workersPort: {
    kind: 'port',
    default: '4568',
    roles: ['workers'],
    help: 'Port on which workers take Invoke from control and poller; 0 means any free one.',
  },
  metricsPort: {
    kind: 'port',
    default: '9464',
    roles: servers,
    help: 'Port of /metrics (Prometheus) and /health; 0 means any free one.',
  },
  kafkaAdvertised: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'host:port that Kafka clients are told to connect to; the listening address unless set.',
  },
  kafkaListeners: {
    kind: 'list',
    default: '',
    roles: ['broker', 'all'],
    help: 'More Kafka doors, for networks with other names for us: name://host:port@advertisedHost:advertisedPort, …; encrypted or with a login as name+sasl_ssl://….',
  },
  kafkaSecurity: {
    kind: 'text',
    default: 'plaintext',
    choices: ['plaintext', 'sasl_plaintext', 'ssl', 'sasl_ssl'],
    roles: ['broker', 'all'],
    help: 'Whether the door of --kafka-port is encrypted (ssl) and wants a login (sasl); with all it is plaintext, for its own use.',
  },
  kafkaTlsCertificate: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Certificate of the encrypted Kafka doors: a PEM file, read again when it changes.',
  },
  kafkaTlsKey: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Its private key: a PEM file without a passphrase.',
  },
  kafkaTlsClientAuthority: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Clients of the encrypted Kafka doors must show a certificate of this authority, a PEM file; they need none unless set.',
  },
  kafkaUsers: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Users of the Kafka doors with a login: a file with a line name:password each, read again when it changes.',
  },
  kafkaLoginLifetime: {
    kind: 'milliseconds',
    default: '0',
    roles: ['broker', 'all'],
    help: "How long a login holds until the client must renew it (Kafka's connections.max.reauth.ms); 0 means for ever.",
  },
  kinesisEndpoint: {
    kind: 'text',
    default: '',
    roles: ['control', 'poller', 'all'],
    help: "Where mappings read Kinesis streams: a URL, or aws for AWS itself with its SDK's credentials; the platform's own door unless set, which is at --kinesis-url where the broker is another process.",
  },
  brokers: {
    kind: 'list',
    default: '127.0.0.1:9092',
    roles: ['control', 'poller', 'producer'],
    help: 'Bootstrap servers of the built-in broker, or of the cluster that takes its place.',
  },
  brokersSecurity: {
    kind: 'text',
    default: 'plaintext',
    choices: ['plaintext', 'sasl_plaintext', 'ssl', 'sasl_ssl'],
    roles: ['control', 'poller', 'producer'],
    help: 'Whether the doors of --brokers are encrypted (ssl) and want a login (sasl).',
  },
  brokersTlsAuthority: {
    kind: 'text',
    default: '',
    roles: ['control', 'poller', 'producer'],
    help: "The authority of the brokers' certificates, a PEM file; those that Node knows unless set.",
  },
  brokersUser: {
    kind: 'text',
    default: '',
    roles: ['control', 'poller', 'producer'],
    help: 'Whom to log in as at --brokers: a file with one line name:password.',
  },
  brokersSaslMechanism: {
    kind: 'text',
    default: 'scram-sha-512',
    choices: ['plain', 'scram-sha-256', 'scram-sha-512'],
    roles: ['control', 'poller', 'producer'],
    help: 'How to log in at --brokers.',
  },
  kafkaClient: {
    kind: 'text',
    default: 'millrace',
    choices: ['millrace', 'kafkajs'],
    roles: ['poller', 'all'],
    help: 'What reads the topics of mappings: our own client (Kafka 0.11 and later), or kafkajs for clusters that it does not get on with.',
  },
  workersUrl: {
    kind: 'text',
    default: 'http://127.0.0.1:4568',
    roles: ['control', 'poller'],
    help: 'Where the workers take Invoke.',
  },
  registry: {
    kind: 'text',
    default: 'file',
    choices: ['file', 'redis'],
    roles: ['control', 'poller', 'workers', 'all'],
    help: 'Where functions and mappings are kept: in the data directory, or in Redis for several copies of a role.',
  },
  redisUrl: {
    kind: 'text',
    default: 'redis://127.0.0.1:6379',
    roles: ['control', 'poller', 'workers', 'all'],
    help: 'The Redis of --registry redis: redis://[user:password@]host:port[/database].',
  },
  clusters: {
    kind: 'text',
    default: '',
    roles: ['control', 'poller', 'all'],
    help: 'Clusters that mappings name by an ARN: a JSON file of their bootstrap servers by ARN, {"arn:aws:kafka:…": {"bootstrapBrokerString": "host:port,…"}}, with Tls and SaslScram as in GetBootstrapBrokers.',
  },
  secrets: {
    kind: 'text',
    default: '',
    roles: ['poller', 'all'],
    help: 'Directory of the secrets that mappings name in SourceAccessConfigurations: <name>.json for the ARN of a secret of that name, shaped as in AWS Secrets Manager.',
  },
  template: {
    kind: 'text',
    default: '',
    roles: ['control', 'all'],
    help: 'AWS SAM template (a file, or a directory with template.yaml) deployed at start and at each change.',
  },
  parameterOverrides: {
    kind: 'list',
    default: '',
    roles: ['control', 'all'],
    help: "Values for the template's Parameters: Name=value, separated by commas.",
  },
  numPartitions: {
    kind: 'count',
    default: '1',
    roles: ['broker', 'all'],
    help: "Partitions of a topic that a client creates by using it (Kafka's num.partitions).",
  },
  autoCreateTopics: {
    kind: 'switch',
    default: 'true',
    roles: ['broker', 'all'],
    help: 'Whether a topic comes to be when a client first asks for it.',
  },
  retentionMs: {
    kind: 'milliseconds',
    default: '7d',
    roles: ['broker', 'all'],
    help: 'Default retention.ms of a topic; -1 keeps records for ever.',
  },
  retentionBytes: {
    kind: 'bytes',
    default: '-1',
    roles: ['broker', 'all'],
    help: 'Default retention.bytes of a partition; -1 means no bound.',
  },
  segmentBytes: {
    kind: 'bytes',
    default: '1GiB',
    roles: ['broker', 'all'],
    help: "Default segment.bytes: the size at which a partition's log starts a new file.",
  },
  flush: {
    kind: 'text',
    default: 'commit',
    choices: ['commit', 'interval', 'never'],
    roles: ['broker', 'all'],
    help: 'When data reaches the disk: before it is acknowledged, every flush-interval, or when the system likes. Only a power cut tells them apart, not a crash.',
  },
  flushInterval: {
    kind: 'milliseconds',
    default: '1s',
    roles: ['broker', 'all'],
    help: 'Time between flushes with --flush interval.',
  },
  directIo: {
    kind: 'text',
    default: 'auto',
    choices: ['auto', 'off'],
    roles: ['broker', 'all'],
    help: 'Whether large commits, and large reads of what they wrote or an earlier start left, go past the page cache (O_DIRECT) where the file system lets them, with --flush commit.',
  },
  groupInitialRebalanceDelay: {
    kind: 'milliseconds',
    default: '0',
    roles: ['broker', 'all'],
    help: 'How long a new consumer group waits for more members (Kafka: 3 s; here a start is immediate).',
  },
  region: {
    kind: 'text',
    default: 'us-east-1',
    roles: ['broker', 'control', 'poller', 'workers', 'all'],
    help: 'AWS region in ARNs and in the environment of functions.',
  },
  accountId: {
    kind: 'text',
    default: '000000000000',
    roles: ['broker', 'control', 'poller', 'workers', 'all'],
    help: 'AWS account in ARNs.',
  },
  accountConcurrency: {
    kind: 'count',
    default: '1000',
    roles: ['control', 'workers', 'all'],
    help: 'Concurrent executions of all functions, and with Redis of all copies, together before invocations are throttled; the same for control and workers.',
  },
  pace: {
    kind: 'text',
    default: 'local',
    choices: ['local', 'aws'],
    roles: ['broker', 'control', 'poller', 'workers', 'all'],
    help: 'Whether things happen as soon as they can (local), or at the pace that AWS documents (aws), to see what the cloud would do: functions scale by 1,000 executions every 10 s and take ten invocations a second for each; asynchronous events are tried again after 1 min and 2 min, not 1 s and 2 s; on-demand mappings look at their lag once a minute, and a change takes effect within three; an event poller reads 5 MB a second; the limits of Kinesis shards hold, and their number follows their load within minutes.',
  },
  workersMax: {
    kind: 'count',
    default: '64',
    roles: ['workers', 'all'],
    help: 'Execution environments alive at once; invocations beyond it wait.',
  },
  workersIdleTimeout: {
    kind: 'milliseconds',
    default: '5m',
    roles: ['workers', 'all'],
    help: 'How long an execution environment stays warm without work.',
  },
  cpuShare: {
    kind: 'text',
    default: 'auto',
    choices: ['auto', 'cgroup', 'governor', 'off'],
    roles: ['workers', 'all'],
    help: 'How environments are held to their share of the processor, 1769 MB of memory size a core: by control groups of Linux, by a governor that pauses them, or not at all; auto takes the first that works.',
  },
  logLevel: {
    kind: 'text',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'],
    roles: everyone,
    help: 'Least severe log line that is written to standard error.',
  },
  logFormat: {
    kind: 'text',
    default: 'text',
    choices: ['text', 'json'],
    roles: everyone,
    help: 'How a log line is written.',
  },
  ...kinesisSettings,
  ...logSettings,
  ...producerSettings,
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof settingsTable
