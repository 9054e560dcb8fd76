// What a template's mapping says of the way into its cluster, as a member of the Lambda API.
import type { MappingInput } from './plan.ts'
import * as read from './readers.ts'

export const accessReaders = {
  SourceAccessConfigurations: read.list(read.object({ Type: read.text, URI: read.text })),
} as const satisfies read.Readers

/**
 * The ways in that the mapping declares; the Lambda API decides whether they are any. Calls `warn` for one whose
 * secret only the template declares, which nothing makes. Networks of that kind mean nothing here and go unsaid.
 */
export function accessInput(
  { SourceAccessConfigurations: declared }: read.ValuesOf<typeof accessReaders>,
  { isStandIn, warn }: { isStandIn(uri: string): boolean; warn(type: string): void },
): Pick<MappingInput, keyof typeof accessReaders> {
  const ways = (declared ?? []).flatMap(({ Type = '', URI = '' }) => {
    if (!isStandIn(URI)) return [{ Type, URI }]
    if (!Type.startsWith('VPC_')) warn(Type)
    return []
  })
  return ways.length === 0 ? {} : { SourceAccessConfigurations: ways }
}
