// Puts a mapping's schema registry between its source and the mapping: client, schemas and decoding brought together.
import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import type { Logger } from '../../common/logger.ts'
import type { SecretsOptions } from '../../common/secrets.ts'
import type { SchemaRegistry } from '../../control/registry/registry.ts'
import type { MappingCounters } from '../mapping-counters.ts'
import { resolveAccess } from '../source-access.ts'
import type { Source } from '../sources/source.ts'
import { DecodingSource } from './decoding-source.ts'
import { RegistryClient } from './registry-client.ts'
import { SchemaStore } from './schema-store.ts'

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

export function registrySource(options: RegistrySourceOptions): Source {
  const { registry, inner, secrets, counters, clock, problem } = options
  const logger = options.logger.child('schemas')
  const client = new RegistryClient({
    url: registry.uri,
    access: () => resolveAccess(registry.access ?? [], secrets),
  })
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
      ofKeys: registry.attributes.includes('KEY'),
      ofValues: registry.attributes.includes('VALUE'),
    },
    schemas,
    logger,
    failed,
    yield: () => new Promise((resolve) => setImmediate(resolve)),
  })
}
