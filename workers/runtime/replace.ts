// Puts a function in the place of one of Node's own, for whoever calls it from then on.

export type AnyFunction = (...args: unknown[]) => unknown

/** Nothing where there is no such function. */
export function replace(
  target: object,
  name: string,
  make: (original: AnyFunction) => AnyFunction,
): void {
  const original: unknown = Reflect.get(target, name)
  if (typeof original !== 'function') return
  const replaced = make(original as AnyFunction)
  // realpath.native, and what util.promisify looks for.
  Object.defineProperties(replaced, Object.getOwnPropertyDescriptors(original))
  Object.assign(target, { [name]: replaced })
}
