// The settings of the producer: what to send, how fast, and how to report it.
import type { Setting } from './settings.ts'

export const producerSettings = {
  topic: {
    kind: 'text',
    default: '',
    roles: ['producer'],
    help: 'Topic to send to (required), with --kinesis the stream.',
  },
  kinesis: {
    kind: 'text',
    default: '',
    roles: ['producer'],
    help: 'URL of a Kinesis API (http://127.0.0.1:4567) to put the records into by PutRecords, in place of the brokers; requests are not signed.',
  },
  rate: {
    kind: 'count',
    default: '0',
    roles: ['producer'],
    help: 'Records per second; 0 means 1000, or with --file as fast as the broker acknowledges.',
  },
  spike: {
    kind: 'text',
    default: '',
    roles: ['producer'],
    help: 'RATE@START:LENGTH, for example 9000@10s:20s: from second 10, for 20 s, send 9000/s. Several: separated by commas.',
  },
  size: {
    kind: 'bytes',
    default: '1000',
    roles: ['producer'],
    help: 'Size of a generated value, exact to the byte.',
  },
  seed: {
    kind: 'count',
    default: '1',
    roles: ['producer'],
    help: 'Start of the random numbers in generated records; the same seed gives the same values.',
  },
  keys: {
    kind: 'count',
    default: '1000',
    roles: ['producer'],
    help: 'Different keys among generated records; 0 sends no key.',
  },
  seconds: {
    kind: 'count',
    default: '0',
    roles: ['producer'],
    help: 'How long to send; 0 means until stopped or, with --file, until its end.',
  },
  file: {
    kind: 'text',
    default: '',
    roles: ['producer'],
    help: 'NDJSON file to send, a record a line (- for standard input), in place of generated records.',
  },
  keyField: {
    kind: 'text',
    default: '',
    roles: ['producer'],
    help: 'Field of a JSON record whose value is its key; dots go deeper: properties.net.',
  },
  loop: {
    kind: 'switch',
    default: 'false',
    roles: ['producer'],
    help: 'Start the file again at its end, until --seconds is over or the producer is stopped.',
  },
  maxRate: {
    kind: 'switch',
    default: 'false',
    roles: ['producer'],
    help: 'Send as fast as the broker acknowledges, in place of --rate.',
  },
  acks: {
    kind: 'text',
    default: 'all',
    choices: ['all', '1', '0'],
    roles: ['producer'],
    help: 'What counts as acknowledged: flushed (all), written (1), or handed to the socket (0).',
  },
  report: {
    kind: 'text',
    default: 'text',
    choices: ['text', 'json'],
    roles: ['producer'],
    help: 'How the final report is written to standard output.',
  },
} as const satisfies Record<string, Setting>
