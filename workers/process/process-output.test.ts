// Tests how output becomes lines: however its bytes come, and when there is too much of it.
import { expect, test } from 'vitest'
import { invocationLogMaxBytes, invocationLogTailBytes } from '../../common/limits.ts'
import { ProcessOutput } from './process-output.ts'

function started() {
  const lines: string[] = []
  const output = new ProcessOutput((line) => lines.push(line))
  output.begin()
  return { output, lines }
}

test('lines are the same whatever the size of the pieces they come in', () => {
  const text = 'one\n\ntwo ☃ 😀\r\nthree'
  for (const size of [1, 2, 3, 7, 100]) {
    const { output, lines } = started()
    const bytes = Buffer.from(text)
    for (let i = 0; i < bytes.length; i += size) output.write(bytes.subarray(i, i + size))
    expect(lines).toEqual(['one\n', '\n', 'two ☃ 😀\r\n'])
    expect(output.end()).toEqual({ logMessages: 4, lateOutput: '' })
    expect(lines.at(-1)).toBe('three\n')
  }
})

test('bytes that are no text become replacement characters and harm nothing', () => {
  const { output, lines } = started()
  output.write(Buffer.from([0xff, 0xfe, 0x0a, 0xe2, 0x98]))
  output.write(Buffer.from([0x83, 0x0a]))
  expect(lines).toEqual(['\ufffd\ufffd\n', '☃\n'])
})

test('beyond the limit only the end is kept, and the next invocation begins anew', () => {
  const { output, lines } = started()
  const line = `${'x'.repeat(999)}\n`
  for (let i = 0; i < 1000; i++) output.write(Buffer.from(line))
  output.write(Buffer.from('the end'))
  const { logMessages, lateOutput } = output.end()
  expect(logMessages).toBe(Math.floor(invocationLogMaxBytes / 1000))
  expect(lines).toHaveLength(logMessages)
  expect(lateOutput.length).toBe(invocationLogTailBytes)
  expect(lateOutput.endsWith('the end\n')).toBe(true)
  output.begin()
  output.write(Buffer.from('again\n'))
  expect(output.end()).toEqual({ logMessages: 1, lateOutput: '' })
})

test('a line without an end does not grow for ever', () => {
  const { output } = started()
  for (let i = 0; i < 100; i++) output.write(Buffer.alloc(100_000, 'y'))
  expect(output.end().lateOutput.length).toBe(invocationLogTailBytes)
})

test('an event of several lines stays one, also after what was begun before it', () => {
  const { output, lines } = started()
  output.write(
    Buffer.from('begun\u001e\u0002event:"one\\n  two \u2603"\n\u001e\u0002event:no\nlast\n'),
  )
  expect(lines).toEqual(['begun\n', 'one\n  two ☃\n', '\u001e\u0002event:no\n', 'last\n'])
  expect(output.end().logMessages).toBe(4)
})
