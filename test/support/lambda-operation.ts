// What a test knows of an operation of the Lambda API, and what several of them share.

/** JSON types of members; a structure is a table of its own. */
export type Kind = 'text' | 'whole' | 'flag' | 'blob' | 'list' | 'map' | 'weights' | Members
export interface Members {
  readonly [name: string]: Kind
}

export type Input = Readonly<Record<string, unknown>>

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `{FunctionName}` stands for the member. */
  readonly path: string
  /** Members of the query and of the headers, by what they are called there. */
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Members of the body that are read; no body where it is absent. */
  readonly members?: Members
  /** Is taken by the function that `prepareFunction` makes. */
  readonly good: Input
}

/** Of lists. */
export const page = { Marker: 'Marker', MaxItems: 'MaxItems' }

/** Of functions and of layers. */
export const code = {
  ZipFile: 'blob',
  S3Bucket: 'text',
  S3Key: 'text',
  S3ObjectVersion: 'text',
} as const
