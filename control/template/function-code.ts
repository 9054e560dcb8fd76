// Where a function's code comes from: a directory, a package, or a text of the template.
import { resolve as resolvePath } from 'node:path'
import type { TemplateNames } from './names.ts'
import type { PlannedCode } from './plan.ts'
import type { Resource } from './resources.ts'

/** A path or URL as written, or an object in S3; the bucket `hot-reload` has local directories. */
export type CodeLocation =
  | string
  | { readonly bucket: string | undefined; readonly key: string | undefined }

/** Code as a resource declares it, under the names that its type has for its properties. */
export interface DeclaredCode {
  readonly resource: Resource
  readonly names: TemplateNames
  readonly runtime: string | undefined
  readonly handler: string | undefined
  readonly packageType: string | undefined
  readonly inline: { readonly property: string; readonly text: string | undefined }
  readonly location: { readonly property: string; readonly where: CodeLocation | undefined }
}

/** Undefined where it is missing, or nothing that can be run; the error has been reported. */
export function planCode(code: DeclaredCode): PlannedCode | undefined {
  const { inline, location, names, resource } = code
  const { entries } = resource.properties
  if (code.packageType === 'Image') {
    return refuse(code, 'PackageType', 'container images are not supported')
  }
  if (inline.text !== undefined) return planInline(code, inline.text)
  const { where } = location
  if (where === undefined) {
    const given = entries.has(location.property) || entries.has(inline.property)
    const either = new Set([location.property, inline.property])
    return given ? undefined : refuse(code, '', `${[...either].join(' or ')} is missing`)
  }
  const local = localPath(where)
  if (local === undefined) return refuse(code, location.property, 'code in S3 is not supported')
  const path = resolvePath(names.stack.directory, local)
  return path.endsWith('.zip')
    ? { kind: 'zip', file: path }
    : { kind: 'directory', directory: path }
}

function planInline(code: DeclaredCode, text: string): PlannedCode | undefined {
  const { handler, runtime } = code
  const { property } = code.inline
  if (runtime === undefined || handler === undefined) return undefined
  if (!runtime.startsWith('nodejs')) {
    return refuse(code, property, `${property} is not supported for ${runtime}`)
  }
  // Lambda gives inline code the name `index`, whatever the handler says.
  if (!handler.startsWith('index.')) {
    return refuse(code, 'Handler', `${property} is the module index, and Handler is ${handler}`)
  }
  return { kind: 'inline', text, fileName: 'index.js' }
}

function refuse({ resource, names }: DeclaredCode, property: string, reason: string): undefined {
  const { line, logicalId, properties, type } = resource
  const at = properties.entries.get(property)?.line ?? line
  names.findings.error(at, `${type} ${logicalId}: ${reason}`)
  return undefined
}

function localPath(where: CodeLocation): string | undefined {
  if (typeof where !== 'string') return where.bucket === 'hot-reload' ? where.key : undefined
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(where) ?? []
  if (bucket === undefined) return where
  return bucket === 'hot-reload' ? key : undefined
}
