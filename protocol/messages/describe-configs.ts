// DescribeConfigs (key 32): what topics and brokers are configured with, and where it comes from.
import { defineApi } from '../api.ts'
import {
  array,
  bool,
  int16,
  int32,
  int8,
  nullableArray,
  nullableString,
  optional,
  since,
  string,
  struct,
  until,
} from '../fields.ts'

/* v1: sources in place of a default's flag, synonyms (KIP-226). v3: types, documentation (KIP-569). v4: flexible. */
const synonym = struct({ name: string, value: nullableString, source: int8 })

export const describeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 0,
  maxVersion: 4,
  flexibleSince: 4,
  request: struct({
    resources: array(
      struct({
        resourceType: int8,
        resourceName: string,
        /** Null asks for all. */
        configurationKeys: nullableArray(string),
      }),
    ),
    includeSynonyms: since(1, bool, false),
    includeDocumentation: since(3, bool, false),
  }),
  response: struct({
    throttleTimeMs: optional(int32, 0),
    results: array(
      struct({
        errorCode: int16,
        errorMessage: nullableString,
        resourceType: int8,
        resourceName: string,
        configs: array(
          struct({
            name: string,
            value: nullableString,
            readOnly: bool,
            isDefault: until(0, bool, false),
            configSource: since(1, int8, -1),
            isSensitive: bool,
            synonyms: since(1, array(synonym), []),
            configType: since(3, int8, 0),
            documentation: since(3, nullableString, null),
          }),
        ),
      }),
    ),
  }),
})
