// Simulates a day of retention with GIGABYTES=200 written: what lies on the disk and in memory; prints JSON.
import { retentionDay } from '../test/support/retention-day.ts'

const gigabytes = Number(process.env['GIGABYTES'] ?? 200)
const startedAt = performance.now()
const result = await retentionDay({ gigabytes, partitions: 12 })
const seconds = Math.round((performance.now() - startedAt) / 1000)
process.stdout.write(`${JSON.stringify({ gigabytes, seconds, ...result }, undefined, 2)}\n`)
process.exit(0)
