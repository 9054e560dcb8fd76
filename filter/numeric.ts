// Compiles the numeric operator: comparisons and ranges over JSON numbers.

type NumberTest = (value: number) => boolean

const comparisons: Readonly<Record<string, (bound: number) => NumberTest>> = {
  '=': (bound) => (value) => value === bound,
  '<': (bound) => (value) => value < bound,
  '<=': (bound) => (value) => value <= bound,
  '>': (bound) => (value) => value > bound,
  '>=': (bound) => (value) => value >= bound,
}

/** AWS: the largest number that a pattern may compare with, either way. */
const boundMax = 5e9
const outOfRange = 'Value must be between -5.0E9 and 5.0E9, inclusive'

/** `["=", 5]`, `["<", 5]`, `[">", 0, "<=", 5]`: a test of numbers, or the reason why it is none. */
export function compileNumeric(operand: unknown): NumberTest | string {
  if (!Array.isArray(operand)) return 'Value of numeric must be an array.'
  const [firstOperator, bottom, secondOperator, top] = operand as readonly unknown[]
  if (typeof firstOperator !== 'string' || !Object.hasOwn(comparisons, firstOperator)) {
    return `Unrecognized numeric range operator: ${String(firstOperator)}`
  }
  if (typeof bottom !== 'number') return `Value of ${firstOperator} must be numeric`
  if (Math.abs(bottom) > boundMax) return outOfRange
  const first = comparisons[firstOperator]?.(bottom)
  if (first === undefined) return `Unrecognized numeric range operator: ${firstOperator}`
  if (operand.length === 2) return first
  if (!firstOperator.startsWith('>') || operand.length > 4) {
    return 'Too many elements in numeric expression'
  }
  if (secondOperator !== '<' && secondOperator !== '<=') {
    return `Bad numeric range operator: ${String(secondOperator)}`
  }
  if (typeof top !== 'number') return `Value of ${secondOperator} must be numeric`
  if (Math.abs(top) > boundMax) return outOfRange
  if (bottom >= top) return 'Bottom must be less than top'
  const second = comparisons[secondOperator]?.(top)
  return (value) => first(value) && second?.(value) === true
}
