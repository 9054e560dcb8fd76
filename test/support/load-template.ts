// Loads a template's text for a test, and writes its findings as short lines.
import { formatFinding, type Finding } from '../../control/template/findings.ts'
import type { Plan } from '../../control/template/plan.ts'
import { loadTemplate } from '../../control/template/template.ts'

/** As `/app/template.yaml` of account 012345678901 in eu-west-1; findings are `line: message`. */
export function loadText(
  text: string,
  parameters: Readonly<Record<string, string>> = {},
): { readonly plan: Plan; readonly warnings: string[]; readonly errors: string[] } {
  const loaded = loadTemplate(text, {
    file: '/app/template.yaml',
    parameters,
    region: 'eu-west-1',
    accountId: '012345678901',
  })
  const lines = (findings: readonly Finding[]): string[] =>
    findings.map((finding) => formatFinding(finding).replace('/app/template.yaml:', ''))
  return { plan: loaded.plan, warnings: lines(loaded.warnings), errors: lines(loaded.errors) }
}
