// Tests how flags, variables and defaults become a configuration, and what is said of wrong ones.
import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { programHelp, roleHelp } from './help.ts'
import { settingsTable } from './settings.ts'

test('defaults hold where nothing is said', () => {
  const config = parseConfig('all', [], {})
  expect(config.kafkaPort).toBe(9092)
  expect(config.retentionMs).toBe(604_800_000)
  expect(config.segmentBytes).toBe(1_073_741_824)
  expect(config.flush).toBe('commit')
  expect(config.autoCreateTopics).toBe(true)
})

test('a flag wins over its variable, a variable over the default', () => {
  const environment = {
    MILLRACE_KAFKA_PORT: '1111',
    MILLRACE_HOST: '0.0.0.0',
    MILLRACE_DATA_DIR: '',
  }
  const config = parseConfig(
    'all',
    ['--kafka-port', '2222', '--no-auto-create-topics'],
    environment,
  )
  expect(config.kafkaPort).toBe(2222)
  expect(config.host).toBe('0.0.0.0')
  expect(config.autoCreateTopics).toBe(false)
  expect(config.dataDir).toBe('./millrace-data')
})

test('a door that may stay shut is off or has a port', () => {
  expect(parseConfig('broker', [], {}).kinesisPort).toBe(4567)
  expect(parseConfig('broker', ['--kinesis-port', 'off'], {}).kinesisPort).toBe('off')
})

test('a variable of another role is not read', () => {
  expect(parseConfig('producer', ['--topic', 't'], { MILLRACE_KAFKA_PORT: 'x' }).topic).toBe('t')
})

test.each([
  [['--kafka-port', '70000'], '--kafka-port: "70000" is not a port'],
  [['--kinesis-port', 'on'], '--kinesis-port: "on" is neither a port (0 to 65535) nor off'],
  [['--flush', 'often'], '--flush: "often" is not one of commit, interval, never'],
  [['--retention-ms', 'soon'], '--retention-ms: "soon" is not a duration'],
  [['--segment-bytes', '1 furlong'], '--segment-bytes: "1 furlong" is not a size'],
  [['--nonsense'], '--nonsense'],
])('%j is refused with a text that names it', (argv, text) => {
  expect(() => parseConfig('all', argv, {})).toThrow(text)
})

test('a wrong variable is named, not its flag', () => {
  expect(() => parseConfig('all', [], { MILLRACE_FLUSH: 'x' })).toThrow(
    'MILLRACE_FLUSH: "x" is not',
  )
})

test('the help of a role lists each of its settings and no other', () => {
  const help = roleHelp('broker')
  for (const [name, setting] of Object.entries(settingsTable)) {
    expect(help.includes(setting.help), name).toBe(
      (setting.roles as readonly string[]).includes('broker'),
    )
  }
  expect(programHelp()).toContain('producer')
})
