// The part of the table of parameters that is of Kinesis streams.
import type { Parameter } from './parameter.ts'

export const streamParameters: readonly Parameter[] = [
  {
    path: 'traffic.source',
    flag: 'source',
    kind: 'word',
    words: ['kafka', 'kinesis'],
    default: '"kafka"',
    help: 'A topic, or a Kinesis stream, whose shards are its partitions.',
  },
  {
    path: 'traffic.reshardings',
    flag: 'reshardings',
    kind: 'reshardings',
    default: '[]',
    help: 'What becomes of the shards, and when: 8@60s is UpdateShardCount to 8, split:0@90s, merge:1+2@2m; with commas between. Shards are numbered from 0 on as they come into being. In JSON [{"second","shards" or "split" or "merge":[1,2]}].',
  },
  {
    path: 'mapping.TumblingWindowInSeconds',
    flag: 'tumbling-window',
    kind: 'whole',
    least: 0,
    most: 900,
    default: '0',
    help: 'Of a stream: the length of tumbling windows; 0 is none.',
  },
]
