// Publishes, lists and deletes versions of functions, by Lambda's rules and in its words.
import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../../common/clock.ts'
import { functionVersionsMax } from '../../common/limits.ts'
import { isVersion, latestVersion, versionOf } from '../registry/function-version.ts'
import type { FunctionRecord, Registry, VersionRecord } from '../registry/registry.ts'
import { refersTo } from './alias-service.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'
import type { CodeKeeper } from './code-keeper.ts'
import type { CodeStore } from './code-store.ts'
import { findChangeable, findFunction, type FunctionDirectory } from './function-lookup.ts'
import { refuseUnavailable } from './function-rules.ts'
import { pageOf, type Page, type PageRequest } from './paging.ts'
import type { PublishVersionInput } from './requests.ts'
import { revisionMismatch } from './revisions.ts'
import type { Serial } from './serial.ts'
import { Violations } from '../../common/aws/validation.ts'
import { withoutQualifier } from './without-qualifier.ts'

export interface VersionServiceOptions extends FunctionDirectory {
  /** One change of functions at a time, whichever service makes it. */
  readonly changes: Serial
  readonly codeKeeper: CodeKeeper
  readonly codeStore: CodeStore
  readonly clock: Clock
}

/** Lambda: ListVersionsByFunction gives at most 50 a page. */
const pageMax = 50

/** Refusals are values; methods reject with AppError STORAGE_FAILED alone. */
export class VersionService {
  readonly #options: VersionServiceOptions

  constructor(options: VersionServiceOptions) {
    this.#options = options
  }

  /**
   * The new version, or the last one where nothing has changed since. Of code that runs from a directory it has
   * a copy, unless it is to follow the directory.
   */
  publish(
    name: string,
    input: PublishVersionInput,
    { followsDirectory = false } = {},
  ): Promise<Outcome<VersionRecord>> {
    const { changes } = this.#options
    return changes.run(async () => {
      const violations = new Violations()
      violations.length('description', input.Description, [0, 256])
      const error = violations.error() ?? refuseUnavailable(input)
      if (error !== undefined) return error
      const latest = findChangeable(this.#options, name)
      if (latest instanceof LambdaApiError) return latest
      const refused = refusePublication(latest, input)
      return refused ?? this.publishNow(latest, { ...input, followsDirectory })
    })
  }

  /** For whoever has the turn already. */
  async publishNow(
    latest: FunctionRecord,
    how: { readonly Description?: string | undefined; readonly followsDirectory?: boolean } = {},
  ): Promise<Outcome<VersionRecord>> {
    const { registry, clock, codeStore } = this.#options
    const isCopied = latest.code.kind === 'hot-reload' && how.followsDirectory !== true
    const code = isCopied ? await codeStore.snapshot(latest.code.directory) : latest.code
    if (code instanceof LambdaApiError) return code
    const content = { ...contentOf(latest), code }
    const contentDigest = digestOf(content)
    const number = lastNumber(registry, latest)
    const last = registry.version(latest.name, String(number))
    if (last?.contentDigest === contentDigest) return last
    if (registry.versions().length >= functionVersionsMax) {
      const text = `There cannot be more than ${functionVersionsMax} versions of all functions.`
      return new LambdaApiError('CodeStorageExceededException', text)
    }
    const { contentId } = latest
    const version: VersionRecord = {
      ...content,
      version: String(number + 1),
      contentDigest,
      description: how.Description ?? latest.description,
      // As for functions: one that is made again must not look unchanged to the workers.
      revision: clock.now(),
      revisionId: randomUUID(),
    }
    // First the version: an unfinished publication is found again by the next one.
    await registry.putVersion(version)
    await registry.putFunction({
      ...latest,
      lastVersion: number + 1,
      revision: latest.revision + 1,
      // AWS gives `$LATEST` a new one; what runs stays the same, and warm.
      contentId: contentId ?? latest.revisionId,
      revisionId: randomUUID(),
    })
    return version
  }

  /** `$LATEST`, then the versions in the order in which they were made. */
  list(name: string, request: PageRequest = {}): Outcome<Page<FunctionRecord | VersionRecord>> {
    const violations = new Violations()
    violations.range('maxItems', request.maxItems, [1, 10_000])
    const error = violations.error()
    if (error !== undefined) return error
    const found = findFunction(this.#options, name)
    if (found instanceof LambdaApiError) return found
    return pageOf(this.#ofFunction(found.latest), sortKey, { ...request, pageMax })
  }

  /** Every version of functions that are there. */
  all(): readonly VersionRecord[] {
    return this.#live()
  }

  /** Of all functions, with `$LATEST` of each. */
  listAll(request: PageRequest): Outcome<Page<FunctionRecord | VersionRecord>> {
    const { registry } = this.#options
    const all = [...registry.functions(), ...this.#live()]
    return pageOf(all, sortKey, { ...request, pageMax })
  }

  /** Versions that an alias refers to stay. */
  delete(name: string, qualifier?: string): Promise<Outcome<VersionRecord>> {
    const { changes, registry, codeKeeper } = this.#options
    return changes.run(async () => {
      const found = findFunction(this.#options, name, qualifier)
      if (found instanceof LambdaApiError) return found
      const { target, latest } = found
      if (found.alias !== undefined) {
        return invalidParameter('Deletion of aliases is not currently supported.')
      }
      if (!isVersion(target)) {
        return invalidParameter(
          `${latestVersion} version cannot be deleted without deleting the function.`,
        )
      }
      const aliases = (latest.aliases ?? []).filter((each) => refersTo(each, target.version))
      if (aliases.length > 0) {
        const names = aliases.map((alias) => alias.name).join(', ')
        const text = `Unable to delete version because the following aliases reference it: [${names}]`
        return new LambdaApiError('ResourceConflictException', text)
      }
      await registry.putFunction({
        ...withoutQualifier(latest, target.version),
        // Its number is not given again, also where the publication did not come to its end.
        lastVersion: lastNumber(registry, latest),
        revision: latest.revision + 1,
      })
      await registry.removeVersion(target.name, target.version)
      codeKeeper.free(target)
      return target
    })
  }

  /** For whoever has the turn: versions of a function that is gone. */
  async removeAll(name: string): Promise<void> {
    const { registry, codeKeeper } = this.#options
    for (const record of registry.versions()) {
      if (record.name !== name) continue
      await registry.removeVersion(name, record.version)
      codeKeeper.free(record)
    }
  }

  /** What a crash left of functions that are gone. */
  async sweep(): Promise<void> {
    const { registry } = this.#options
    const orphans = registry.versions().filter(({ name }) => registry.function(name) === undefined)
    for (const { name } of orphans) await this.removeAll(name)
  }

  #ofFunction(latest: FunctionRecord): readonly (FunctionRecord | VersionRecord)[] {
    return [latest, ...this.#live().filter(({ name }) => name === latest.name)]
  }

  #live(): readonly VersionRecord[] {
    const { registry } = this.#options
    return registry.versions().filter(({ name }) => registry.function(name) !== undefined)
  }
}

/** A function without what belongs to it as a whole. */
function contentOf(latest: FunctionRecord): FunctionRecord {
  const {
    aliases: _aliases,
    contentId: _contentId,
    eventInvokeConfigs: _eventInvokeConfigs,
    lastVersion: _lastVersion,
    policies: _policies,
    provisioned: _provisioned,
    reservedConcurrency: _reserved,
    tags: _tags,
    ...content
  } = latest
  return content
}

/** What PublishVersion's caller takes `$LATEST` to be. */
function refusePublication(
  latest: FunctionRecord,
  { RevisionId, CodeSha256 }: PublishVersionInput,
): LambdaApiError | undefined {
  const mismatch = revisionMismatch(RevisionId, latest.revisionId)
  if (mismatch !== undefined) return mismatch
  const { code } = latest
  if (CodeSha256 === undefined || code.kind !== 'zip' || CodeSha256 === code.sha256)
    return undefined
  return invalidParameter(
    `CodeSHA256 (${CodeSha256}) is different from current CodeSHA256 in $LATEST (${code.sha256}). ` +
      'Please try again with the CodeSHA256 in $LATEST.',
  )
}

function lastNumber(registry: Registry, { name, lastVersion = 0 }: FunctionRecord): number {
  const numbers = registry.versions().filter((each) => each.name === name)
  return numbers.reduce((most, { version }) => Math.max(most, Number(version)), lastVersion)
}

/** Of what a publication would make unchangeable. */
function digestOf(record: FunctionRecord): string {
  const { code, environment } = record
  const content = [
    code.kind === 'zip' ? code.sha256 : code.directory,
    record.runtime,
    record.handler,
    record.role,
    record.description,
    record.memorySizeMb,
    record.timeoutSeconds,
    record.ephemeralStorageMb,
    record.architectures,
    Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ...(record.deadLetterArn === undefined ? [] : [record.deadLetterArn]),
    // Not where it says nothing: what was published before it could is as it was.
    ...(record.logging === undefined ? [] : [record.logging]),
    ...(record.layers === undefined ? [] : [{ layers: record.layers.versions }]),
  ]
  return createHash('sha256').update(JSON.stringify(content)).digest('base64')
}

/** `$LATEST` sorts before the numbers, and these as numbers. */
function sortKey(record: FunctionRecord | VersionRecord): string {
  return `${record.name}@${isVersion(record) ? versionOf(record).padStart(12, '0') : ''}`
}
