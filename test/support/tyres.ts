// The function that tests of the Lambda API talk about: what it is created with, and its ARN.
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  type CreateFunctionCommandOutput,
} from '@aws-sdk/client-lambda'
import type { ControlHarness } from './control-harness.ts'
import { zipOf } from './zip-file.ts'

export const tyresArn = 'arn:aws:lambda:us-east-1:000000000000:function:tyres'

export const tyresZip = await zipOf({
  name: 'index.mjs',
  content: 'export const handler = async () => 1',
})

export const tyres = {
  FunctionName: 'tyres',
  Role: 'arn:aws:iam::000000000000:role/any',
  Runtime: 'nodejs24.x',
  Handler: 'index.handler',
  Code: { ZipFile: tyresZip },
} as const satisfies CreateFunctionCommandInput

export function createTyres(
  { client }: Pick<ControlHarness, 'client'>,
  change: Partial<CreateFunctionCommandInput> = {},
): Promise<CreateFunctionCommandOutput> {
  return client.send(new CreateFunctionCommand({ ...tyres, ...change }))
}

/** With a directory for its code, which costs less than a zip where nobody looks at it. */
export function deployTyres(
  { client, dataDir }: Pick<ControlHarness, 'client' | 'dataDir'>,
  FunctionName = 'tyres',
): Promise<CreateFunctionCommandOutput> {
  const Code = { S3Bucket: 'hot-reload', S3Key: dataDir }
  return createTyres({ client }, { FunctionName, Code })
}
