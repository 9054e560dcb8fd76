// Writes the generated pages of docs/.
import { writeFileSync } from 'node:fs'
import { generatedPages } from './tables.ts'

for (const [path, text] of Object.entries(generatedPages())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  process.stdout.write(`${path}\n`)
}
