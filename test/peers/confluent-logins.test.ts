// Runs confluent-kafka (a recent librdkafka) as an admin who makes users, and as those users.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform, type Platform } from '../support/platform.ts'
import { succeed } from './tool.ts'

let platform: Platform
beforeAll(async () => {
  platform = await startPlatform({
    role: 'broker',
    args: [
      '--kafka-listeners',
      'safe+sasl_plaintext://127.0.0.1:0',
      '--kafka-login-lifetime',
      '1s',
    ],
  })
})
afterAll(() => platform.stop())

test('users made over the wire log in by every mechanism, renew their logins, and nobody else does', async () => {
  const doors = [platform.kafka, platform.doors['kafka-safe'] ?? '']
  const args = ['test/peers/confluent-logins.py', ...doors]
  const output = await succeed('.cache/peers/bin/python', args, { timeoutMs: 100_000 })
  const sent = { reports: Array.from({ length: 7 }, () => 'sent'), errors: [] }
  expect(JSON.parse(output.toString())).toEqual({
    made: null,
    described: { SCRAM_SHA_256: 8192, SCRAM_SHA_512: 8192 },
    nobody: 'RESOURCE_NOT_FOUND',
    sent: { PLAIN: sent, 'SCRAM-SHA-256': sent, 'SCRAM-SHA-512': sent },
    read: 21,
    refused: { PLAIN: true, 'SCRAM-SHA-256': true, 'SCRAM-SHA-512': true },
    deleted: null,
    again: 'RESOURCE_NOT_FOUND',
    left: { SCRAM_SHA_512: 8192 },
  })
})
