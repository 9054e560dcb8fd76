// Publishes, lists and deletes versions of layers, by Lambda's rules and in its words, and lays them together for functions.
import { createHash, randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import {
  functionLayersMax,
  layersMax,
  layersPageMax,
  layerVersionsMax,
} from '../../common/layer-limits.ts'
import { invalidParameter, LambdaApiError, type Outcome } from '../lambda/api-errors.ts'
import {
  isDirectory,
  makeDirectory,
  moveIntoPlace,
  temporaryPrefix,
  type CodeStore,
} from '../lambda/code-store.ts'
import type { Account } from '../lambda/function-name.ts'
import type { Layers } from '../lambda/layers.ts'
import { pageOf, type Page, type PageRequest } from '../lambda/paging.ts'
import type { PublishLayerVersionInput } from '../lambda/requests.ts'
import type { Serial } from '../lambda/serial.ts'
import { RecordFolder } from '../registry/record-folder.ts'
import type { FunctionCode, FunctionLayers } from '../registry/registry.ts'
import { layerArn, parseLayer, type LayerRecord, type LayerVersion } from './layer-record.ts'
import {
  checkFilter,
  checkNewVersion,
  isOwn,
  ownLayerName,
  parseLayerArn,
  type LayerFilter,
} from './layer-rules.ts'
import { layOver, treeBytes } from './layer-trees.ts'

export interface LayerServiceOptions {
  readonly dataDir: string
  readonly codeStore: CodeStore
  /** One change at a time, of functions and of layers: packages that nobody refers to are removed in a turn. */
  readonly changes: Serial
  readonly account: Account
  readonly clock: Clock
}

/** One version, with the layer that it is of. */
export interface FoundLayerVersion {
  readonly layer: LayerRecord
  readonly version: LayerVersion
}

type LayerPageRequest = PageRequest & LayerFilter

/** Refusals are values (`LambdaApiError`); methods reject with AppError STORAGE_FAILED alone. */
export class LayerService implements Layers {
  readonly #options: LayerServiceOptions
  readonly #records: RecordFolder<LayerRecord>

  constructor(options: LayerServiceOptions) {
    this.#options = options
    this.#records = new RecordFolder({
      directory: join(options.dataDir, 'layers'),
      parse: parseLayer,
      // Names differ by case too, files not everywhere.
      fileNameOf: (name) => name.replace(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`),
    })
  }

  async publish(
    layerName: string,
    input: PublishLayerVersionInput,
  ): Promise<Outcome<FoundLayerVersion>> {
    const { account, codeStore, changes } = this.#options
    const name = ownLayerName(account, layerName)
    if (name instanceof LambdaApiError) return name
    if (name === undefined) return foreign(layerName)
    const error = checkNewVersion(input)
    if (error !== undefined) return error
    return codeStore.withDownload(input.Content ?? {}, (downloaded) =>
      changes.run(async () => {
        const layer = await this.#layerToGrow(name)
        if (layer instanceof LambdaApiError) return layer
        const stored = await codeStore.store(input.Content ?? {}, downloaded)
        if (stored instanceof LambdaApiError) return stored
        // A layer is what it was when it was published, also where it came from a directory.
        const code =
          stored.kind === 'hot-reload' ? await codeStore.snapshot(stored.directory) : stored
        return code instanceof LambdaApiError ? code : this.#add(layer, code, input)
      }),
    )
  }

  /** Undefined is none of the account's. */
  async find(layerName: string, number: number): Promise<Outcome<FoundLayerVersion>> {
    const name = ownLayerName(this.#options.account, layerName)
    if (name instanceof LambdaApiError) return name
    const found = name === undefined ? undefined : await this.#find(name, number)
    return found ?? noSuchResource()
  }

  /** Functions that have it keep it, as on AWS; one that is not there is deleted too. Resolves with what is needed no more. */
  async delete(layerName: string, number: number): Promise<Outcome<FunctionCode | undefined>> {
    const name = ownLayerName(this.#options.account, layerName)
    if (name instanceof LambdaApiError) return name
    return this.#options.changes.run(async () => {
      const found = name === undefined ? undefined : await this.#find(name, number)
      if (found === undefined) return undefined
      const { layer, version } = found
      // The record stays, also without versions: their numbers are not given again.
      await this.#records.put({
        ...layer,
        versions: layer.versions.filter((each) => each !== version),
      })
      return this.#codeOf(version)
    })
  }

  /** The newest version of each layer that the filter lets through. */
  async list(request: LayerPageRequest): Promise<Outcome<Page<FoundLayerVersion>>> {
    const error = checkFilter(request, request.maxItems, layersPageMax)
    if (error !== undefined) return error
    const found = (await this.#records.all()).flatMap((layer) => {
      const version = layer.versions.findLast((each) => matches(each, request))
      return version === undefined ? [] : [{ layer, version }]
    })
    return pageOf(found, ({ layer }) => layer.name, { ...request, pageMax: layersPageMax })
  }

  /** The newest first. */
  async listVersions(
    layerName: string,
    request: LayerPageRequest,
  ): Promise<Outcome<Page<FoundLayerVersion>>> {
    const name = ownLayerName(this.#options.account, layerName)
    if (name instanceof LambdaApiError) return name
    const error = checkFilter(request, request.maxItems, layersPageMax)
    if (error !== undefined) return error
    const layer = name === undefined ? undefined : await this.#records.find(name)
    const versions = layer?.versions.filter((version) => matches(version, request)) ?? []
    const found = layer === undefined ? [] : versions.map((version) => ({ layer, version }))
    const keyOf = ({ version }: FoundLayerVersion): string =>
      String(Number.MAX_SAFE_INTEGER - version.number)
    return pageOf(found, keyOf, { ...request, pageMax: layersPageMax })
  }

  async resolve(arns: readonly string[]): Promise<Outcome<FunctionLayers>> {
    if (arns.length > functionLayersMax) {
      return invalidParameter(`Cannot reference more than ${functionLayersMax} layers.`)
    }
    const byLayer = new Map<string, string>()
    const versions: LayerVersion[] = []
    for (const arn of arns) {
      const found = await this.#ofFunction(arn)
      if (found instanceof LambdaApiError) return found
      const other = byLayer.get(found.layer.name)
      if (other !== undefined) {
        return invalidParameter(
          'Two different versions of the same layer are not allowed to be referenced in the same ' +
            `function. ${other} and ${arn} are versions of the same layer.`,
        )
      }
      byLayer.set(found.layer.name, arn)
      versions.push(found.version)
    }
    return {
      versions: versions.map(({ sha256, sizeBytes }, i) => ({
        arn: arns[i] ?? '',
        sha256,
        sizeBytes,
      })),
      ...(await this.#layTogether(versions)),
    }
  }

  sizeOf(directory: string): Promise<number> {
    return treeBytes(directory)
  }

  async code(): Promise<readonly FunctionCode[]> {
    const layers = await this.#records.all()
    return layers.flatMap(({ versions }) => versions.map((version) => this.#codeOf(version)))
  }

  #codeOf({ sha256, sizeBytes }: LayerVersion): FunctionCode {
    const directory = this.#options.codeStore.directoryOf(sha256)
    return { kind: 'zip', directory, sha256, sizeBytes }
  }

  async #find(name: string, number: number): Promise<FoundLayerVersion | undefined> {
    const layer = await this.#records.find(name)
    const version = layer?.versions.find((each) => each.number === number)
    return layer === undefined || version === undefined ? undefined : { layer, version }
  }

  async #ofFunction(arn: string): Promise<Outcome<FoundLayerVersion>> {
    const { account } = this.#options
    const reference = parseLayerArn(arn)
    if (reference?.accountId === account.accountId && reference.region !== account.region) {
      return invalidParameter(
        'Layers are not in the same region as the function. Layers are expected to be in region ' +
          `${account.region}.`,
      )
    }
    if (reference === undefined || !isOwn(account, reference)) return foreign(arn)
    const found = await this.#find(reference.name, reference.version ?? 0)
    return found ?? invalidParameter(`Layer version ${arn} does not exist.`)
  }

  async #layerToGrow(name: string): Promise<Outcome<LayerRecord>> {
    const layer = await this.#records.find(name)
    if (layer === undefined && (await this.#records.all()).length >= layersMax) {
      return full(`There cannot be more than ${layersMax} layers.`)
    }
    if (layer !== undefined && layer.versions.length >= layerVersionsMax) {
      return full(`There cannot be more than ${layerVersionsMax} versions of a layer.`)
    }
    return layer ?? { name, versions: [], lastVersion: 0 }
  }

  async #add(
    layer: LayerRecord,
    code: FunctionCode,
    input: PublishLayerVersionInput,
  ): Promise<FoundLayerVersion> {
    const { LicenseInfo: license, CompatibleRuntimes: runtimes } = input
    const { CompatibleArchitectures: architectures } = input
    const number = layer.lastVersion + 1
    const version: LayerVersion = {
      number,
      description: input.Description ?? '',
      createdMs: this.#options.clock.now(),
      sha256: code.kind === 'zip' ? code.sha256 : '',
      sizeBytes: code.kind === 'zip' ? code.sizeBytes : 0,
      ...(license === undefined ? {} : { license }),
      ...(runtimes === undefined ? {} : { runtimes }),
      ...(architectures === undefined ? {} : { architectures }),
    }
    const grown = { ...layer, versions: [...layer.versions, version], lastVersion: number }
    await this.#records.put(grown)
    return { layer: grown, version }
  }

  /** One is what it is; several are a directory of their own, named after what they are of. */
  async #layTogether(
    versions: readonly LayerVersion[],
  ): Promise<{ readonly directory: string; readonly sha256: string }> {
    const { codeStore } = this.#options
    const digests = versions.map(({ sha256 }) => sha256)
    const [first] = digests
    if (digests.length === 1 && first !== undefined) {
      return { directory: codeStore.directoryOf(first), sha256: first }
    }
    const sha256 = createHash('sha256')
      .update(`layers ${digests.join(' ')}`)
      .digest('base64')
    const directory = codeStore.directoryOf(sha256)
    if (await isDirectory(directory)) return { directory, sha256 }
    const temporary = join(dirname(directory), `${temporaryPrefix}${randomUUID()}`)
    try {
      await makeDirectory(temporary)
      await layOver(
        digests.map((each) => codeStore.directoryOf(each)),
        temporary,
      )
      await moveIntoPlace(temporary, directory)
      return { directory, sha256 }
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
}

/** A version that names nothing goes with nothing that is asked for: so it is on AWS. */
function matches(
  { runtimes = [], architectures = [] }: LayerVersion,
  { runtime, architecture }: LayerFilter,
): boolean {
  const isOfRuntime = runtime === undefined || runtimes.includes(runtime)
  return isOfRuntime && (architecture === undefined || architectures.includes(architecture))
}

function foreign(layer: string): LambdaApiError {
  return invalidParameter(
    `Layer version ${layer} does not exist. Layers of other accounts and AWS's own are not here: ` +
      'publish the content under a name of this account, with PublishLayerVersion.',
  )
}

function noSuchResource(): LambdaApiError {
  const text = 'The resource you requested does not exist.'
  return new LambdaApiError('ResourceNotFoundException', text)
}

function full(text: string): LambdaApiError {
  return new LambdaApiError('CodeStorageExceededException', text)
}

export function arnOfVersion(account: Account, { layer, version }: FoundLayerVersion): string {
  return `${layerArn(account, layer.name)}:${version.number}`
}
