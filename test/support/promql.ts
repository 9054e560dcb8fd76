// Finds the metrics, and the labels asked of them, in a PromQL expression.

export interface Selector {
  readonly metric: string
  /** Labels in its braces. */
  readonly labels: readonly string[]
}

/** What is not a metric though it looks like one: functions, operators, labels of `by` and `on`. */
const clause = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g
const word = /([a-zA-Z_:][a-zA-Z0-9_:]*)(\s*\()?(?:\{([^}]*)\})?/g
const operators = new Set(['and', 'or', 'unless', 'bool', 'offset'])

/** Metrics as they are written, with the suffix of a histogram where one is asked for. */
export function selectorsOf(expression: string): readonly Selector[] {
  const bare = expression.replace(clause, ' ').replace(/\[[^\]]*\]/g, ' ')
  const unquoted = bare.replace(/"[^"]*"/g, '""')
  return [...unquoted.matchAll(word)]
    .filter(([, name = '', call]) => call === undefined && !operators.has(name))
    .map(([, metric = '', , braces = '']) => ({
      metric,
      labels: [...braces.matchAll(/(\w+)\s*[=!]/g)].map(([, label = '']) => label),
    }))
}
