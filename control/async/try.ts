// Invokes a function for one event, and says in one word what came of it where no answer did.
import { AppError } from '../../common/errors.ts'
import type { FunctionInvoker, Invocation, InvocationCompleted } from '../../common/invocation.ts'
import type { Logger } from '../../common/logger.ts'

/** The function answered, is not there, or did not run. */
export type Tried = InvocationCompleted | 'gone' | 'throttled' | 'unreached'

export async function tryOnce(
  invoker: FunctionInvoker,
  invocation: Invocation,
  logger: Logger,
): Promise<Tried> {
  const { requestId } = invocation
  try {
    const result = await invoker.invoke(invocation)
    if (result.outcome === 'completed') return result
    const { code, message } = result
    if (code === 'ResourceNotFoundException') return 'gone'
    if (code === 'TooManyRequestsException') return 'throttled'
    logger.warn('function not invoked', { requestId, code, message })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    logger.warn('function not reached', { requestId, reason: error.message })
  }
  return 'unreached'
}
