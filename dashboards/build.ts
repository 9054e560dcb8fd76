// Writes the boards as the JSON that Grafana's provisioning reads.
import { writeFileSync } from 'node:fs'
import { boardFiles } from './boards.ts'

for (const [path, text] of Object.entries(boardFiles())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  process.stdout.write(`${path}\n`)
}
