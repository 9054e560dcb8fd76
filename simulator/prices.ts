// What AWS charges for functions and event pollers: one table, with its region and date.

/** US East (N. Virginia), x86, without the free tier and in the first tier of durations, as of November 2026. */
export const prices = {
  region: 'us-east-1',
  architecture: 'x86',
  asOf: '2026-11',
  usdPerMillionRequests: 0.2,
  usdPerGbSecond: 0.0000166667,
  /** Provisioned mode of Kafka mappings is charged by event poller units. */
  usdPerEventPollerUnitHour: 0.185,
} as const

export interface Usage {
  readonly invocations: number
  readonly billedMs: number
  readonly memoryMb: number
  /** 0 on demand: those event pollers are not charged for. */
  readonly eventPollerUnitHours: number
}

export interface Cost {
  readonly requestsUsd: number
  readonly durationUsd: number
  readonly eventPollersUsd: number
  readonly totalUsd: number
}

/** Functions and event pollers only: a cluster, its traffic and logs are not in it. */
export function costOf(usage: Usage): Cost {
  const requestsUsd = (usage.invocations / 1e6) * prices.usdPerMillionRequests
  const gbSeconds = (usage.billedMs / 1000) * (usage.memoryMb / 1024)
  const durationUsd = gbSeconds * prices.usdPerGbSecond
  const eventPollersUsd = usage.eventPollerUnitHours * prices.usdPerEventPollerUnitHour
  const totalUsd = requestsUsd + durationUsd + eventPollersUsd
  return { requestsUsd, durationUsd, eventPollersUsd, totalUsd }
}
