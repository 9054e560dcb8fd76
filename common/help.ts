// Writes the help texts of the program and of each role from the table of settings.
import { flagOf, settingsOf, variableOf } from './config.ts'
import { roles, type RoleName } from './settings.ts'

const summaries: Record<RoleName, string> = {
  broker: 'partitioned, durable logs behind the Kafka wire protocol',
  control: 'the Lambda API: functions and event source mappings',
  poller: 'runs event source mappings: reads, filters, batches, invokes, commits',
  workers: 'runs functions in threads and processes, as Lambda does',
  producer: 'sends a load of generated or recorded records to a topic',
  all: 'every server role in one process',
}

/** `node main.ts --help`. */
export function programHelp(): string {
  const lines = roles.map((role) => `  ${role.padEnd(10)}${summaries[role]}`)
  return [
    'Usage: node main.ts <role> [settings]',
    '',
    'Roles:',
    ...lines,
    '',
    'Commands:',
    '  check     verifies a data directory that no broker has open',
    '  simulate  says what a mapping would do with a traffic, how far it would lag and what AWS would charge',
    '',
    'node main.ts <role> --help lists the settings of a role.',
    '',
  ].join('\n')
}

/** `node main.ts <role> --help`. */
export function roleHelp(role: RoleName): string {
  const lines = settingsOf(role).flatMap(([name, setting]) => {
    const value =
      setting.kind === 'switch' ? '' : ` <${setting.choices?.join('|') ?? setting.kind}>`
    const initial = setting.default === '' ? '' : ` Default: ${setting.default}.`
    return [`  ${flagOf(name)}${value}`, `      ${setting.help}${initial} [${variableOf(name)}]`]
  })
  return [
    `Usage: node main.ts ${role} [settings]`,
    '',
    `${role}: ${summaries[role]}.`,
    '',
    'Settings (the environment variable in brackets does the same; the flag wins):',
    ...lines,
    '  --help',
    '      Show this text.',
    '',
  ].join('\n')
}
