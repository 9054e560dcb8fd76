// Bounds on schema registries: what a mapping may say of one, and what schemas and records may cost the poller.

/** Lambda's, of SchemaRegistryURI and of the URIs of AccessConfigs (botocore). */
export const schemaRegistryUriMaxLength = 10_000

/** CloudFormation's: a mapping checks keys, values or both, and each once. */
export const schemaAttributesMax = 2

/** Real schemas are some kilobytes; what is larger than this is no schema, or one that nobody wants to parse. */
export const schemaAnswerMaxBytes = 1024 * 1024

/** All that one schema refers to, however deep: each is a request before the first record can be read. */
export const schemaReferencesMax = 64

/** Of one mapping, as clients of registries have it by default: a topic has a few, and their versions. */
export const schemasMax = 1000

/** What these may hold as text, all together; compiled they take a few times as much. */
export const schemasMaxBytes = 16 * 1024 * 1024

/** Long for a look-up by id, and short beside the timeout of anything that waits for its records. */
export const schemaRequestTimeoutMs = 10_000

/** A registry that does not answer is asked again after so long, twice as long each time, up to the most. */
export const schemaRetryMs = 500
export const schemaRetryMaxMs = 30_000

/** A schema that is not there is asked for again after so long: copies of a registry may lag behind their leader. */
export const schemaMissingForMs = 10_000

/** Records are decoded on the thread that all mappings share: after so many it lets the others go first. */
export const decodedRecordsAtOnceMax = 200
/** And after so many bytes, whichever comes first. */
export const decodedBytesAtOnceMax = 256 * 1024

/** Reads of one partition that wait for their schemas, before no more of it is read. */
export const undecodedRunsMax = 2

/**
 * What one record may become as JSON. An event holds 6 MB, so more than this can only be of use to whoever wants to
 * have the poller's memory; what is between is too large for an event, and treated as such.
 */
export const decodedJsonMaxLength = 16 * 1024 * 1024

/** As protobuf's own readers have it: nesting beyond this is an attack or a mistake. */
export const decodedDepthMax = 100

/** Items of an Avro array or map that take no bytes: a record of some bytes could ask for thousands of millions. */
export const emptyItemsMax = 1024
