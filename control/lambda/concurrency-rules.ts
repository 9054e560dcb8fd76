// What may be reserved of the account's concurrency, and what of it is left; pure.
import { unreservedConcurrencyMin, unreservedConcurrencyMinShare } from '../../common/limits.ts'
import { provisionedTotal } from '../registry/provisioned.ts'
import type { FunctionRecord, ProvisionedRecord } from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError, type Outcome } from './api-errors.ts'
import type { PutFunctionConcurrencyInput } from './requests.ts'
import { Violations } from '../../common/aws/validation.ts'

type Reserving = Pick<FunctionRecord, 'name' | 'reservedConcurrency' | 'provisioned'>

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
  return Math.max(0, accountConcurrency - setAside(functions))
}

/** What no other function can have: reservations, and what is provisioned of functions without one. */
function setAside(functions: readonly Reserving[]): number {
  return functions.reduce((sum, f) => sum + (f.reservedConcurrency ?? provisionedTotal(f)), 0)
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
  const now = new Map(functions.map((f) => [f.name, f]))
  for (const [name, reserved] of planned) {
    const provisioned = provisionedTotal(now.get(name) ?? {})
    if (reserved === undefined || reserved >= provisioned) continue
    // The blanks are AWS's.
    return invalidParameter(
      ` ReservedConcurrentExecutions  ${reserved} should not be lower than function's total ` +
        `provisioned concurrency [${provisioned}].`,
    )
  }
  const grows = [...planned].some(
    ([name, reserved = 0]) => reserved > (now.get(name)?.reservedConcurrency ?? 0),
  )
  if (!grows) return undefined
  const then = new Map<string, Reserving>(now)
  for (const [name, reserved] of planned) {
    const { reservedConcurrency: _, ...rest } = now.get(name) ?? { name }
    then.set(name, reserved === undefined ? rest : { ...rest, reservedConcurrency: reserved })
  }
  const least = unreservedMin(accountConcurrency)
  if (accountConcurrency - setAside([...then.values()]) >= least) return undefined
  return invalidParameter(
    "Specified ReservedConcurrentExecutions for function decreases account's " +
      `UnreservedConcurrentExecution below its minimum value of [${least}].`,
  )
}

/** Whether a function may have so much provisioned, beside what it and all others have. */
export function refuseProvisioned(
  functions: readonly FunctionRecord[],
  planned: {
    readonly latest: FunctionRecord
    readonly config: ProvisionedRecord
    readonly accountConcurrency: number
  },
): LambdaApiError | undefined {
  const { latest, config, accountConcurrency } = planned
  const others = (latest.provisioned ?? []).filter((each) => each.qualifier !== config.qualifier)
  const then = { ...latest, provisioned: [...others, config] }
  if (latest.reservedConcurrency !== undefined) {
    if (provisionedTotal(then) <= latest.reservedConcurrency) return undefined
    return invalidParameter(
      'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution ' +
        'for function',
    )
  }
  const rest = functions.filter(({ name }) => name !== latest.name)
  const unreserved = accountConcurrency - setAside(rest)
  const total = provisionedTotal(then)
  if (total > unreserved) {
    return invalidParameter(
      `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency ` +
        `[${unreserved}].`,
    )
  }
  const least = unreservedMin(accountConcurrency)
  if (unreserved - total >= least) return undefined
  return invalidParameter(
    "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution " +
      `below its minimum value of [${least}].`,
  )
}
