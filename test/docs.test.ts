// Keeps the generated pages equal to the tables in the code.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generatedPages } from '../docs/tables.ts'

test.each(Object.entries(generatedPages()))('%s is what `make docs` writes', (path, text) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(text)
})

test('every test that the page of AWS’s behaviour names is there', () => {
  const page = readFileSync(new URL('../docs/acceptance.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.includes('**'))
  const named = rows.slice(1).map((row) => /\| `([^`]+)` "(.+)" \|$/.exec(row))
  expect(named.length).toBeGreaterThan(50)
  const missing = named.flatMap((match, index) => {
    const [, path = '', title = ''] = match ?? []
    if (path === '') return [rows[index + 1]]
    const text = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
    return text.includes(`'${title}'`) || text.includes(`"${title}"`) ? [] : [`${path}: ${title}`]
  })
  expect(missing).toEqual([])
})
