// Knows the runtimes that Lambda once had, and what it recommends instead.

/** By what their names begin with; the newest of each kind, as Lambda's text names it. */
const replacements = [
  [/^nodejs(4\.3(-edge)?|6\.10|8\.10|10\.x|12\.x|14\.x|16\.x)?$/, 'nodejs24.x'],
  [/^python(2\.7|3\.6|3\.7|3\.8)$/, 'python3.14'],
  [/^ruby2\.[57]$/, 'ruby3.4'],
  [/^java8$/, 'java25'],
  [/^dotnetcore(1\.0|2\.0|2\.1|3\.1)$|^dotnet[57]$/, 'dotnet10'],
  [/^(go1\.x|provided)$/, 'provided.al2023'],
] as const

/** Lambda's refusal of a function of such a runtime; undefined for others, also for those it never had. */
export function retiredText(runtime: string): string | undefined {
  const replacement = replacements.find(([pattern]) => pattern.test(runtime))?.[1]
  if (replacement === undefined) return undefined
  return (
    `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. ` +
    `We recommend you use the new runtime (${replacement}) while creating or updating functions.`
  )
}
