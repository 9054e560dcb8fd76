// Tells what came of an invocation: whether its batch is through, failed, or never ran.
import type { InvocationCompleted, InvocationResult } from '../common/invocation.ts'
import type { Logger } from '../common/logger.ts'
import type { Batch, BatchOutcome, InvocationReport, MappingRules } from './batch.ts'
import { recordsOf } from './groups.ts'
import { itemFailuresOf, stateOf, streamFailuresOf } from './item-failures.ts'

export interface Judgement {
  readonly outcome: BatchOutcome
  readonly report?: InvocationReport
  /** Which limit refused the invocation, why the function was not reached, or how it failed. */
  readonly reason?: string
}

export interface JudgementContext {
  readonly rules: Pick<MappingRules, 'failure' | 'frame'>
  /** Told of everything but successes and throttles. */
  readonly logger: Logger
}

export function judge(
  result: InvocationResult,
  batch: Batch,
  { rules, logger }: JudgementContext,
): Judgement {
  if (result.outcome === 'completed') {
    const report = reportOf(result, batch, rules)
    if (report === undefined) return { outcome: 'succeeded', ...stateReport(result, batch) }
    const { functionError, requestId } = report
    const [attempts, records] = [batch.attempts + 1, recordsOf(batch.groups)]
    const of = report.failed === undefined ? {} : { named: report.failed.size }
    logger.warn('function failed', { requestId, functionError, records, ...of, attempts })
    const reason = functionError === null ? undefined : errorIn(result.payload)
    return { outcome: 'failed', report, ...(reason === undefined ? {} : { reason }) }
  }
  const { code, message, reason, requestId } = result
  if (code === 'TooManyRequestsException') {
    return { outcome: 'throttled', ...(reason === undefined ? {} : { reason }) }
  }
  logger.warn('function not invoked', { requestId, code, message })
  return { outcome: 'unreached', reason: message }
}

/** How a function failed that was reached; undefined where it did not. */
function reportOf(
  result: InvocationCompleted,
  batch: Batch,
  { failure, frame }: JudgementContext['rules'],
): InvocationReport | undefined {
  const { requestId, executedVersion, functionError, payload } = result
  if (functionError !== undefined) return { requestId, executedVersion, functionError }
  const state = batch.window === undefined ? undefined : stateOf(payload)
  // Lambda: without a state for the next invocation of its window one counts as failed.
  if (batch.window !== undefined && state === undefined) {
    return { requestId, executedVersion, functionError: null }
  }
  if (!failure.reportsItemFailures) return undefined
  const { groups } = batch
  const failed =
    frame.stream === undefined
      ? itemFailuresOf(payload, groups, frame.topic)
      : streamFailuresOf(payload, groups)
  if (failed === 'none') return undefined
  const named = failed === 'all' ? {} : { failed, ...(state === undefined ? {} : { state }) }
  return { requestId, executedVersion, functionError: null, ...named }
}

/** What an invocation that succeeded hands on to the next of its window. */
function stateReport(
  { requestId, executedVersion, payload }: InvocationCompleted,
  { window }: Batch,
): Pick<Judgement, 'report'> {
  const state = window === undefined ? undefined : stateOf(payload)
  if (state === undefined) return {}
  return { report: { requestId, executedVersion, functionError: null, state } }
}

const errorMaxCharacters = 200

/** `type: message` of what a function threw, as Lambda's runtimes answer it; undefined for anything else. */
function errorIn(payload: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(payload)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
  const { errorType, errorMessage } = (value ?? {}) as Record<string, unknown>
  const said = [errorType, errorMessage].filter((part) => typeof part === 'string' && part !== '')
  return said.length === 0 ? undefined : said.join(': ').slice(0, errorMaxCharacters)
}
