// Names the version of a runtime as Lambda does; here there is one of each.
import { createHash } from 'node:crypto'

/** `nodejs22.x` → `nodejs:22.v1`, `provided.al2023` → `provided:al2023.v1`. */
export function runtimeVersion(runtime: string): string {
  const [, language = runtime, release = ''] = /^([a-z]+)\.?(.*?)(?:\.x)?$/.exec(runtime) ?? []
  return `${language}:${release}.v1`
}

/** On AWS the digest is of the runtime's image; here it only has to be stable and well-formed. */
export function runtimeVersionArn(region: string, runtime: string): string {
  const digest = createHash('sha256').update(runtime).digest('hex')
  return `arn:aws:lambda:${region}::runtime:${digest}`
}
