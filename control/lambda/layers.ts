// What layers are to the service of functions, and how a request for some goes into a function's record.
import { codeUnzippedMaxBytes } from '../../common/limits.ts'
import type { FunctionCode, FunctionLayers, FunctionRecord } from '../registry/registry.ts'
import { invalidParameter, LambdaApiError, type Outcome } from './api-errors.ts'

/** The layers of the account. Methods reject with AppError STORAGE_FAILED. */
export interface Layers {
  /** Lays versions over each other. For whoever has the turn of changes. */
  resolve(arns: readonly string[]): Promise<Outcome<FunctionLayers>>
  /** What a package takes on the disk. */
  sizeOf(directory: string): Promise<number>
  /** The packages of all versions that are there. */
  code(): Promise<readonly FunctionCode[]>
}

/** With the layers that were asked for, or those that it has, if all of it together is no more than Lambda takes. */
export async function withLayers(
  layers: Layers,
  record: FunctionRecord,
  arns: readonly string[] | undefined,
): Promise<Outcome<FunctionRecord>> {
  const { layers: before, ...rest } = record
  const wanted = arns === undefined ? before : await resolve(layers, arns)
  if (wanted instanceof LambdaApiError) return wanted
  if (wanted === undefined) return rest
  const layersBytes = await layers.sizeOf(wanted.directory)
  if (layersBytes > codeUnzippedMaxBytes) {
    return invalidParameter(
      `Layers consume more than the available size of ${codeUnzippedMaxBytes} bytes`,
    )
  }
  // A directory that runs as it is may be a whole repository, and changes as it likes.
  const codeBytes = record.code.kind === 'zip' ? await layers.sizeOf(record.code.directory) : 0
  if (codeBytes + layersBytes > codeUnzippedMaxBytes) {
    return invalidParameter(
      'Function code combined with layers exceeds the maximum allowed size of ' +
        `${codeUnzippedMaxBytes} bytes. The actual size is ${codeBytes + layersBytes} bytes.`,
    )
  }
  return { ...rest, layers: wanted }
}

async function resolve(
  layers: Layers,
  arns: readonly string[],
): Promise<Outcome<FunctionLayers | undefined>> {
  return arns.length === 0 ? undefined : layers.resolve(arns)
}

/** What lies together as if it were one package, to be kept and removed like one. */
export function codeOfLayers({ directory, sha256 }: FunctionLayers): FunctionCode {
  return { kind: 'zip', directory, sha256, sizeBytes: 0 }
}
