// The settings of the Kinesis API.
import type { Setting } from './settings.ts'

export const kinesisSettings = {
  kinesisPort: {
    kind: 'door',
    default: '4567',
    roles: ['broker', 'all'],
    help: 'Port of the Kinesis API, over HTTP/1.1 and HTTP/2; 0 means any free one, off none.',
  },
  kinesisTlsCertificate: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Certificate with which --kinesis-port takes HTTPS beside HTTP, as the Kinesis Producer Library needs it: a PEM file, read again when it changes.',
  },
  kinesisTlsKey: {
    kind: 'text',
    default: '',
    roles: ['broker', 'all'],
    help: 'Its private key: a PEM file without a passphrase.',
  },
  kinesisUrl: {
    kind: 'text',
    default: 'http://127.0.0.1:4567',
    roles: ['control', 'poller'],
    help: "Where the broker's Kinesis door is: calls of the Kinesis API that come to --aws-port go on to it; with all it is the door of the same process.",
  },
  ingestApiKey: {
    kind: 'text',
    default: '',
    roles: ['control', 'all'],
    help: 'What clients of HTTP ingestion (POST /ingest/STREAM on --aws-port) have to send as x-api-key; empty asks for nothing. Better given by the environment than on a command line.',
  },
} as const satisfies Record<string, Setting>
