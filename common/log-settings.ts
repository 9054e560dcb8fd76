// The settings of functions' logs: how much of them is kept, and where else they go.
import type { Setting } from './settings.ts'

export const logSettings = {
  functionLogsMax: {
    kind: 'bytes',
    default: '64MiB',
    roles: ['control', 'poller', 'workers', 'all'],
    help: 'What the log of one function may take in the data directory; the oldest goes first. 0 keeps none, -1 all.',
  },
  functionLogsTotalMax: {
    kind: 'bytes',
    default: '4GiB',
    roles: ['control', 'poller', 'workers', 'all'],
    help: "What all functions' logs together may take in the data directory; what was written longest ago goes first. -1 is no bound.",
  },
  functionLogsStdout: {
    kind: 'switch',
    default: 'false',
    roles: ['workers', 'all'],
    help: "Whether each event of functions' logs is a line of JSON on standard output as well.",
  },
  faroUrl: {
    kind: 'text',
    default: '',
    roles: ['workers', 'all'],
    help: "URL of a Grafana Faro collector that is told of handlers' exceptions, lines and measurements; none unless set.",
  },
} as const satisfies Record<string, Setting>
