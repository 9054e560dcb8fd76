// Registers the consumers of a template, and puts their ARNs where the plan has something in their place.
import type { Plan, PlannedConsumer } from './plan.ts'

/** The plan with what was registered: ARN by planned ARN. */
export function withConsumers(plan: Plan, arns: ReadonlyMap<string, string>): Plan {
  if (arns.size === 0) return plan
  const known = (text: string): string => arns.get(text) ?? text
  return {
    ...plan,
    functions: plan.functions.map((planned) => {
      const { configuration } = planned
      const variables = Object.entries(configuration.Environment.Variables)
      const Variables = Object.fromEntries(variables.map(([name, value]) => [name, known(value)]))
      return { ...planned, configuration: { ...configuration, Environment: { Variables } } }
    }),
    mappings: plan.mappings.map((planned) => {
      const { input } = planned
      const { EventSourceArn: arn } = input
      if (arn === undefined) return planned
      return { ...planned, input: { ...input, EventSourceArn: known(arn) } }
    }),
  }
}

/** Members of RegisterStreamConsumer. */
export function registrationOf({ streamArn, name, tags }: PlannedConsumer): object {
  return {
    StreamARN: streamArn,
    ConsumerName: name,
    ...(tags === undefined ? {} : { Tags: tags }),
  }
}
