// Brings one function of a plan about: creates it, or changes what differs, or leaves it alone.
import { createHash } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { systemCode } from '../../common/errors.ts'
import { hotReloadBucket } from '../lambda/code-store.ts'
import { invalidParameter, LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import type { FunctionService } from '../lambda/function-service.ts'
import { loggingConfigShape } from '../lambda/logging-config.ts'
import type { CodeInput } from '../lambda/requests.ts'
import { storageFailed, writeDurably } from '../registry/durable-file.ts'
import type { FunctionRecord } from '../registry/registry.ts'
import type { AliasDeployer } from './deploy-aliases.ts'
import type { EventInvokeDeployer } from './deploy-event-invoke.ts'
import type { FunctionConfiguration, PlannedCode, PlannedFunction } from './plan.ts'

export type FunctionDeployer = Pick<
  FunctionService,
  | 'get'
  | 'create'
  | 'updateCode'
  | 'updateConfiguration'
  | 'putConcurrency'
  | 'deleteConcurrency'
  | 'refuseReservations'
  | 'changeTags'
> &
  AliasDeployer &
  EventInvokeDeployer

export type Action = 'created' | 'updated' | 'unchanged'

/** Creates or updates the function. Rejects with AppError STORAGE_FAILED. */
export async function deployFunction(
  planned: PlannedFunction,
  functions: FunctionDeployer,
  inlineDir: string,
): Promise<Outcome<Action>> {
  const { configuration } = planned
  const code = await codeInput(planned.code, join(inlineDir, configuration.FunctionName))
  if (code instanceof LambdaApiError) return code
  const current = functions.get(configuration.FunctionName)
  if (current instanceof LambdaApiError) {
    if (current.code !== 'ResourceNotFoundException') return current
    const tags = planned.tags === undefined ? {} : { Tags: planned.tags }
    const created = await functions.create({ ...configuration, ...tags, Code: code })
    return created instanceof LambdaApiError ? created : 'created'
  }
  const action = await updateFunction(current, { functions, configuration, code })
  const { tags } = planned
  if (action instanceof LambdaApiError || tags === undefined) return action
  if (isDeepStrictEqual({ ...current.tags }, { ...tags })) return action
  const tagged = await functions.changeTags(configuration.FunctionName, () => tags)
  return tagged instanceof LambdaApiError ? tagged : 'updated'
}

/**
 * Brings the reservations of these functions, which exist, about. What takes less goes first, so that
 * one function may take what another gives. Returns the names of those that changed, or a refusal.
 */
export async function deployReservations(
  planned: readonly PlannedFunction[],
  functions: FunctionDeployer,
): Promise<Outcome<ReadonlySet<string>>> {
  const changed = new Set<string>()
  const steps = planned.map(({ configuration, reservedConcurrency: wanted }) => {
    const current = functions.get(configuration.FunctionName)
    const now = current instanceof LambdaApiError ? undefined : current.reservedConcurrency
    return { name: configuration.FunctionName, wanted, now, growth: (wanted ?? 0) - (now ?? 0) }
  })
  for (const { name, wanted, now } of steps.toSorted((a, b) => a.growth - b.growth)) {
    if (wanted === now) continue
    const outcome =
      wanted === undefined
        ? await functions.deleteConcurrency(name)
        : await functions.putConcurrency(name, { ReservedConcurrentExecutions: wanted })
    if (outcome instanceof LambdaApiError) return outcome
    changed.add(name)
  }
  return changed
}

async function updateFunction(
  current: FunctionRecord,
  to: {
    readonly functions: FunctionDeployer
    readonly configuration: FunctionConfiguration
    readonly code: CodeInput
  },
): Promise<Outcome<Action>> {
  const { functions, code } = to
  const { FunctionName, Architectures, ...own } = to.configuration
  const configuration = { ...own, ...takenBack(to.configuration) }
  let action: Action = 'unchanged'
  if (!isDeepStrictEqual(configurationOf(current), configuration)) {
    const updated = await functions.updateConfiguration(FunctionName, configuration)
    if (updated instanceof LambdaApiError) return updated
    action = 'updated'
  }
  if (!sameCode(current, code) || !isDeepStrictEqual(current.architectures, Architectures)) {
    const updated = await functions.updateCode(FunctionName, { ...code, Architectures })
    if (updated instanceof LambdaApiError) return updated
    action = 'updated'
  }
  return action
}

type Updatable = Omit<FunctionConfiguration, 'FunctionName' | 'Architectures'>

function configurationOf(record: FunctionRecord): Updatable {
  return {
    Runtime: record.runtime,
    Handler: record.handler,
    Role: record.role,
    Description: record.description,
    MemorySize: record.memorySizeMb,
    Timeout: record.timeoutSeconds,
    EphemeralStorage: { Size: record.ephemeralStorageMb },
    // A copy: the registry's may have no prototype, which a strict comparison minds.
    Environment: { Variables: { ...record.environment } },
    LoggingConfig: loggingConfigShape(record),
    DeadLetterConfig: { TargetArn: record.deadLetterArn ?? '' },
  }
}

/** An update keeps what it leaves out, a template takes it back: so all of it is said. */
function takenBack({
  FunctionName,
  LoggingConfig: { LogFormat = 'Text', LogGroup = `/aws/lambda/${FunctionName}`, ...levels } = {},
  DeadLetterConfig = { TargetArn: '' },
}: FunctionConfiguration): Required<Pick<Updatable, 'LoggingConfig' | 'DeadLetterConfig'>> {
  const defaults =
    LogFormat === 'JSON' ? { ApplicationLogLevel: 'INFO', SystemLogLevel: 'INFO' } : {}
  return { LoggingConfig: { LogFormat, ...defaults, ...levels, LogGroup }, DeadLetterConfig }
}

function sameCode({ code }: FunctionRecord, input: CodeInput): boolean {
  if (code.kind === 'hot-reload') return input.S3Key === code.directory
  if (input.ZipFile === undefined) return false
  return createHash('sha256').update(input.ZipFile).digest('base64') === code.sha256
}

async function codeInput(code: PlannedCode, inlineDir: string): Promise<Outcome<CodeInput>> {
  if (code.kind === 'zip') return zipInput(code.file)
  if (code.kind === 'inline') await writeInline(inlineDir, code)
  const directory = code.kind === 'inline' ? inlineDir : code.directory
  return (await isDirectory(directory))
    ? { S3Bucket: hotReloadBucket, S3Key: directory }
    : invalidParameter(`CodeUri: ${directory} is not a directory`)
}

async function zipInput(file: string): Promise<Outcome<CodeInput>> {
  try {
    return { ZipFile: await readFile(file) }
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined) throw error
    return invalidParameter(`CodeUri: ${file} cannot be read (${code})`)
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    return false
  }
}

/** Touches a file only where it changes, as a running function is loaded anew then. */
async function writeInline(
  directory: string,
  code: Extract<PlannedCode, { kind: 'inline' }>,
): Promise<void> {
  const files = [
    // Ends the search for a package.json, which may find an ES module's above the data directory.
    [join(directory, 'package.json'), '{}\n'],
    [join(directory, code.fileName), code.text],
  ] as const
  try {
    await mkdir(directory, { recursive: true })
  } catch (error) {
    throw storageFailed('create', directory, error)
  }
  for (const [file, text] of files) {
    if ((await textOf(file)) !== text) await writeDurably(file, text)
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw storageFailed('read', file, error)
  }
}
