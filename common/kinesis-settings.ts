// The settings of the Kinesis API.
import type { Setting } from './settings.ts'

export const kinesisSettings = {
  kinesisPort: {
    kind: 'door',
    default: '4567',
    roles: ['broker', 'all'],
    help: 'Port of the Kinesis API, over HTTP/1.1 and HTTP/2; 0 means any free one, off none.',
  },
} as const satisfies Record<string, Setting>
