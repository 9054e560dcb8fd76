// The part of the table of parameters that says what goes wrong.
import type { Parameter } from './parameter.ts'

const hour = { least: 0, most: 3600, default: '0' } as const
const share = { kind: 'share', least: 0, most: 1, default: '0' } as const

export const failureParameters: readonly Parameter[] = [
  { path: 'failures.errors', flag: 'errors', ...share, help: 'Share of invocations that throw.' },
  {
    path: 'failures.timeouts',
    flag: 'timeouts',
    ...share,
    help: 'Share of invocations that run into the timeout.',
  },
  {
    path: 'failures.unreached',
    flag: 'unreached',
    ...share,
    help: 'Share of invocations that do not get to the function.',
  },
  {
    path: 'failures.lostAnswers',
    flag: 'lost-answers',
    ...share,
    help: 'Share of invocations whose answer is lost: the function gets the batch twice.',
  },
  {
    path: 'failures.poison',
    flag: 'poison',
    ...share,
    help: 'Share of records that the function fails on.',
  },
  {
    path: 'failures.poisonTimes',
    flag: 'poison-times',
    kind: 'whole',
    least: 1,
    most: 1_000_000,
    help: 'How many times it fails on each; always unless given.',
  },
  {
    path: 'failures.duplicateReads',
    flag: 'duplicate-reads',
    ...share,
    help: 'Share of fetches that bring records a second time.',
  },
  {
    path: 'failures.commitErrors',
    flag: 'commit-errors',
    ...share,
    help: 'Share of commits that fail, or whose answer is lost.',
  },
  {
    path: 'failures.destinationErrors',
    flag: 'destination-errors',
    ...share,
    help: 'Share of sendings that the destination does not take.',
  },
  {
    path: 'failures.pollerCrashesPerHour',
    flag: 'poller-crashes',
    kind: 'number',
    ...hour,
    help: 'How often in an hour the poller is killed.',
  },
  {
    path: 'failures.pollerDownMs',
    flag: 'poller-down-ms',
    kind: 'number',
    least: 1,
    most: 3_600_000,
    default: '10000',
    help: 'How long it is gone.',
  },
  {
    path: 'failures.brokerCrashesPerHour',
    flag: 'broker-crashes',
    kind: 'number',
    ...hour,
    help: 'How often in an hour the broker is gone.',
  },
  {
    path: 'failures.brokerDownMs',
    flag: 'broker-down-ms',
    kind: 'number',
    least: 1,
    most: 3_600_000,
    default: '5000',
    help: 'How long it is gone.',
  },
  {
    path: 'failures.rebalancesPerHour',
    flag: 'rebalances',
    kind: 'number',
    ...hour,
    help: 'How often in an hour a second poller joins.',
  },
  {
    path: 'failures.secondPollerMs',
    flag: 'second-poller-ms',
    kind: 'number',
    least: 1,
    most: 3_600_000,
    default: '60000',
    help: 'How long it stays.',
  },
]
