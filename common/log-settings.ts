// The settings of functions' logs: how much of them is kept.
import type { Setting } from './settings.ts'

export const logSettings = {
  functionLogsMax: {
    kind: 'bytes',
    default: '64MiB',
    roles: ['control', 'workers', 'all'],
    help: 'What the log of one function may take in the data directory; the oldest goes first. 0 keeps none, -1 all.',
  },
} as const satisfies Record<string, Setting>
