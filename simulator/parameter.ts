// How a parameter of a scenario is described.

export interface Parameter {
  /** In a scenario's JSON; mappings have Lambda's own names. */
  readonly path: string
  readonly flag: string
  readonly kind: 'whole' | 'number' | 'share' | 'word' | 'switch' | 'rates' | 'reshardings'
  readonly words?: readonly string[]
  readonly least?: number
  readonly most?: number
  /** JSON text; absent where the parameter may be. */
  readonly default?: string
  readonly help: string
}
