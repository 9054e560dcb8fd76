// What a function's dead-letter configuration may say: a queue or a topic for events that are given up.
import { parseTarget } from '../../destinations/target.ts'
import type { FunctionRecord } from '../registry/registry.ts'
import { invalidParameter, type LambdaApiError } from './api-errors.ts'
import type { UpdateFunctionConfigurationInput } from './requests.ts'
import type { Violations } from '../../common/aws/validation.ts'

/** Lambda's (botocore: ResourceArn). */
const arnPattern = '(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()'

type Input = Pick<UpdateFunctionConfigurationInput, 'DeadLetterConfig'>

export function checkDeadLetterShape(violations: Violations, { DeadLetterConfig }: Input): void {
  violations.length('deadLetterConfig.targetArn', DeadLetterConfig?.TargetArn, [0, 10_000])
  violations.pattern('deadLetterConfig.targetArn', DeadLetterConfig?.TargetArn, arnPattern)
}

/** No recording seen of AWS's text. */
export function refuseDeadLetter({ DeadLetterConfig }: Input): LambdaApiError | undefined {
  const arn = DeadLetterConfig?.TargetArn ?? ''
  const kind = arn === '' ? 'queue' : parseTarget(arn)?.kind
  if (kind === 'queue' || kind === 'topic') return undefined
  return invalidParameter(
    `The provided target ARN ${arn} is invalid: it must be of a standard SQS queue or SNS topic.`,
  )
}

/** What a record keeps of it: what is left out stays as it was, and an empty ARN takes it away. */
export function deadLetterOf(
  { DeadLetterConfig }: Input,
  current: Pick<FunctionRecord, 'deadLetterArn'> = {},
): Pick<FunctionRecord, 'deadLetterArn'> {
  const arn = DeadLetterConfig === undefined ? current.deadLetterArn : DeadLetterConfig.TargetArn
  return arn === undefined || arn === '' ? {} : { deadLetterArn: arn }
}
