// Keeps the generated pages equal to the tables in the code.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generatedPages } from '../docs/tables.ts'

test.each(Object.entries(generatedPages()))('%s is what `make docs` writes', (path, text) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(text)
})
