// Puts a mapping's schema registry between its source and the mapping: client, schemas and decoding brought together.
import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { SecretsOptions } from '../../common/secrets.ts'
import type { SchemaRegistry } from '../../control/registry/registry.ts'
import { credentialChain } from '../../kinesis-client/endpoint.ts'
import { Signer } from '../../kinesis-client/signer.ts'
import type { MappingCounters } from '../mapping-counters.ts'
import { resolveAccess } from '../source-access.ts'
import type { Source } from '../sources/source.ts'
import { DecodingSource } from './decoding-source.ts'
import { GlueClient, type GlueClientOptions } from './glue-client.ts'
import { RegistryClient } from './registry-client.ts'
import { SchemaStore } from './schema-store.ts'
import { wireFormats, type WireKind } from './wire-format.ts'

export interface RegistrySourceOptions {
  readonly registry: SchemaRegistry
  readonly inner: Source
  readonly secrets: SecretsOptions
  readonly counters: MappingCounters
  readonly clock: Clock
  readonly logger: Logger
  /** Why records wait for their schemas; undefined when all is well again. */
  readonly problem: (error: AppError | undefined) => void
}

const glueArn = /^arn:aws[\w-]*:glue:(?<region>[\w-]+):/

function clientOf({
  registry,
  secrets,
  clock,
}: RegistrySourceOptions): readonly [WireKind, Pick<RegistryClient, 'schema'>] {
  const region = glueArn.exec(registry.uri)?.groups?.['region']
  if (region === undefined) {
    const access = () => resolveAccess(registry.access ?? [], secrets)
    return ['confluent', new RegistryClient({ url: registry.uri, access })]
  }
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const { AWS_ENDPOINT_URL_GLUE: own, AWS_ENDPOINT_URL: all } = secrets.environment
  const url = own ?? all ?? `https://glue.${region}.${suffix}`
  const signer = new Signer(credentialChain(), region, 'glue')
  const sign: GlueClientOptions['sign'] = (headers, body) =>
    signer.sign({ url: new URL(url), headers, body }, new Date(clock.now()))
  return ['glue', new GlueClient({ url, sign })]
}

export function registrySource(options: RegistrySourceOptions): Source {
  const { registry, inner, counters, clock, problem } = options
  const logger = options.logger.child('schemas')
  const [kind, client] = clientOf(options)
  const failed = (times: number): void => {
    counters.schemaErrors += times
  }
  const schemas = new SchemaStore({
    lookUp: (id, signal) => client.schema(id, signal),
    clock,
    logger,
    failed: () => failed(1),
    problem,
  })
  return new DecodingSource({
    inner,
    rules: {
      format: registry.format,
      wire: wireFormats[kind],
      ofKeys: registry.attributes.includes('KEY'),
      ofValues: registry.attributes.includes('VALUE'),
    },
    schemas,
    logger,
    failed,
    yield: () => new Promise((resolve) => setImmediate(resolve)),
  })
}
