// Checks JSON against a JSON Schema of any draft; wraps ajv.
import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import draft6 from 'ajv/dist/refs/json-schema-draft-06.json' with { type: 'json' }
import ajvDraft4 from 'ajv-draft-04'
import { DecodeError } from './decode-error.ts'

export interface JsonReference {
  /** What `$ref` calls it by. */
  readonly name: string
  readonly text: string
}

/** Throws DecodeError where the bytes are no JSON, or none that the schema allows. */
export type JsonCheck = (bytes: Buffer) => void

/**
 * Throws DecodeError where `schema` is none. Formats are words, as in the drafts from 2019 on, and check nothing. What a
 * reference does not bring along is not fetched.
 */
export function jsonCheck(schema: string, references: readonly JsonReference[]): JsonCheck {
  const validate = compiled(parsed(schema), references)
  return (bytes) => {
    const value = parsed(bytes.toString('utf8'))
    if (isValid(validate, value)) return
    const [error] = validate.errors ?? []
    throw new DecodeError(`it is not of its schema: ${error?.instancePath ?? ''} ${error?.message}`)
  }
}

/** A schema that refers to itself goes as deep as the value does, and a value as deep as it is long. */
function isValid(validate: ValidateFunction, value: unknown): boolean {
  try {
    return validate(value)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new DecodeError('it is nested too deeply')
  }
}

function compiled(schema: unknown, references: readonly JsonReference[]): ValidateFunction {
  const draft =
    typeof schema === 'object' && schema !== null ? Object(schema)['$schema'] : undefined
  const options = { strict: false, validateFormats: false, logger: false } as const
  try {
    const ajv = ajvOf(String(draft ?? ''), options)
    for (const { name, text } of references) ajv.addSchema(Object(parsed(text)), name)
    return ajv.compile(typeof schema === 'boolean' ? schema : Object(schema))
  } catch (error) {
    // Of whatever ajv makes of a schema that is none.
    if (!(error instanceof Error)) throw error
    throw error instanceof DecodeError
      ? error
      : new DecodeError(`its schema cannot be used: ${error.message}`)
  }
}

type AjvOptions = ConstructorParameters<typeof Ajv>[0]

function ajvOf(draft: string, options: AjvOptions): Pick<Ajv, 'addSchema' | 'compile'> {
  if (draft.includes('/2020-12/')) return new Ajv2020(options)
  if (draft.includes('/2019-09/')) return new Ajv2019(options)
  // The package says in its types that the class is the module, and in its code that it is the default.
  if (draft.includes('/draft-04/')) return new ajvDraft4.default(options)
  const ajv = new Ajv(options)
  ajv.addMetaSchema(draft6)
  return ajv
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new DecodeError('it is not JSON')
  }
}
