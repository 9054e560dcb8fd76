// What may be reserved of the account's concurrency, and what of it is left; pure.
import { unreservedConcurrencyMin, unreservedConcurrencyMinShare } from '../../common/limits.ts'
import type { FunctionRecord } from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError, type Outcome } from './api-errors.ts'
import type { PutFunctionConcurrencyInput } from './requests.ts'
import { Violations } from './validation.ts'

type Reserving = Pick<FunctionRecord, 'name' | 'reservedConcurrency'>

/** The reservation that a request asks for. */
export function checkConcurrencyInput(input: PutFunctionConcurrencyInput): Outcome<number> {
  const reserved = input.ReservedConcurrentExecutions
  const violations = new Violations()
  violations.required('reservedConcurrentExecutions', reserved)
  violations.range('reservedConcurrentExecutions', reserved, [0, 2_147_483_647])
  return violations.error() ?? reserved ?? 0
}

/**
 * Lambda's rule: 100 executions stay for functions that reserve none. Where the account's limit is set
 * below 1000, which is for the one who runs this to say, a tenth of it does.
 */
export function unreservedMin(accountConcurrency: number): number {
  const share = Math.ceil(accountConcurrency * unreservedConcurrencyMinShare)
  return Math.min(unreservedConcurrencyMin, share)
}

/** What functions without a reservation share. */
export function unreservedConcurrency(
  functions: readonly Reserving[],
  accountConcurrency: number,
): number {
  const reserved = functions.reduce((sum, f) => sum + (f.reservedConcurrency ?? 0), 0)
  return Math.max(0, accountConcurrency - reserved)
}

/**
 * Whether `planned` (undefined: none), in place of what those functions have, leaves too little. Taking
 * back is never refused, nor is 0: they take nothing from others.
 */
export function refuseReservations(
  functions: readonly Reserving[],
  planned: ReadonlyMap<string, number | undefined>,
  accountConcurrency: number,
): LambdaApiError | undefined {
  const now = new Map(functions.map((f) => [f.name, f.reservedConcurrency]))
  const grows = [...planned].some(([name, reserved = 0]) => reserved > (now.get(name) ?? 0))
  if (!grows) return undefined
  const then = [...new Map([...now, ...planned])].map(([name, reserved]) =>
    reserved === undefined ? { name } : { name, reservedConcurrency: reserved },
  )
  const least = unreservedMin(accountConcurrency)
  const sum = then.reduce((total, f) => total + (f.reservedConcurrency ?? 0), 0)
  if (accountConcurrency - sum >= least) return undefined
  return invalidParameter(
    "Specified ReservedConcurrentExecutions for function decreases account's " +
      `UnreservedConcurrentExecution below its minimum value of [${least}].`,
  )
}
