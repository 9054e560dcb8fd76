// The mapping of a self-managed topic that tests of the Lambda API create.
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput as CreateInput,
  type CreateEventSourceMappingCommandOutput as Created,
} from '@aws-sdk/client-lambda'
import type { ControlHarness } from './control-harness.ts'

export const servers = (...list: string[]): Pick<CreateInput, 'SelfManagedEventSource'> => ({
  SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: list } },
})

export const kafkaMapping: CreateInput = {
  FunctionName: 'tyres',
  Topics: ['telemetry'],
  ...servers('kafka:1000'),
}

export function createMapping(
  { client }: Pick<ControlHarness, 'client'>,
  change: Partial<CreateInput> = {},
): Promise<Created> {
  return client.send(new CreateEventSourceMappingCommand({ ...kafkaMapping, ...change }))
}

/** A mapping that the poller has taken up. */
export async function settledMapping(
  harness: Pick<ControlHarness, 'client' | 'settle'>,
  change: Partial<CreateInput> = {},
): Promise<string> {
  const { UUID = '' } = await createMapping(harness, change)
  await harness.settle(UUID)
  return UUID
}
