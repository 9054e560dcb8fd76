// Tests that a commitment is durable before it holds, and that its file is what it says.
import { expect, test } from 'vitest'
import { MemoryFileSystem } from '../../../test/support/memory-file-system.ts'
import { AccountSettings, changedCommitment } from './account-settings.ts'

const dayMs = 86_400_000

test('a commitment is there after a restart, and a disk that fails leaves what there was', async () => {
  const files = new MemoryFileSystem()
  const settings = await AccountSettings.open(files, '/kinesis')
  expect(settings.commitment).toEqual({})
  files.fault = (operation) => (operation === 'rename' ? 'EIO' : undefined)
  await expect(settings.change('ENABLED', 5)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  expect(settings.commitment).toEqual({})
  files.fault = () => undefined
  await settings.change('ENABLED', 7)
  const again = await AccountSettings.open(
    files.cut(() => 0),
    '/kinesis',
  )
  expect(again.commitment).toEqual({ startedMs: 7 })
})

test('an end before its time may be taken back, one after it holds at once, and a new one begins anew', () => {
  const ending = changedCommitment({ startedMs: 1 }, 'DISABLED', 2)
  expect(ending).toEqual({ startedMs: 1, endMs: 1 + dayMs })
  expect(changedCommitment(ending, 'DISABLED', 3)).toBe(ending)
  expect(changedCommitment(ending, 'ENABLED', 3)).toEqual({ startedMs: 1 })
  const late = 3 * dayMs
  expect(changedCommitment({ startedMs: 1 }, 'DISABLED', late)).toEqual({
    startedMs: 1,
    endMs: late,
  })
  expect(changedCommitment(ending, 'ENABLED', late)).toEqual({ startedMs: late })
})

test('a file with something else stops the start and is named', async () => {
  for (const text of ['', '[', '7', '{"startedMs":"now"}']) {
    const files = new MemoryFileSystem()
    await files.makeDirectory('/kinesis')
    files.put('/kinesis/account.settings', Buffer.from(text))
    await expect(AccountSettings.open(files, '/kinesis')).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('/kinesis/account.settings') as string,
    })
  }
})
