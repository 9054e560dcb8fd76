// The functions of the pictures, as the text of their modules.

/** Some 10 ms a record, as one that asks a database about each. */
export const tyrePressure = `
import { setTimeout } from 'node:timers/promises'
export const handler = async (event) => {
  await setTimeout(10 * Object.values(event.records).flat().length)
}
`

/** Quick, whatever it is given. */
export const archive = `
import { setTimeout } from 'node:timers/promises'
export const handler = () => setTimeout(5)
`

/** One invocation in twelve fails, as where another service times out now and then. */
export const billing = `
import { setTimeout } from 'node:timers/promises'
export const handler = async (event) => {
  await setTimeout(20 * Object.values(event.records).flat().length)
  if (Math.random() < 1 / 12) throw new Error('the ledger did not answer')
}
`

/** Waits for a payment provider, which takes no more than a few calls at once. */
export const chargeCards = `
import { setTimeout } from 'node:timers/promises'
export const handler = () => setTimeout(250 + Math.random() * 100)
`

/** Reads every record as JSON, and so fails on one that is none. */
export const routeParcels = `
import { setTimeout } from 'node:timers/promises'
export const handler = async (event) => {
  for (const { value } of Object.values(event.records).flat()) JSON.parse(Buffer.from(value, 'base64'))
  await setTimeout(10)
}
`

/** Keeps a core busy for 150 ms, and 60 MB of memory with it. */
export const thumbnails = `
export const handler = () => {
  const pixels = Buffer.alloc(60_000_000, 1)
  const until = performance.now() + 150
  let sum = 0
  while (performance.now() < until) for (let at = 0; at < 100_000; at++) sum += pixels[at * 600]
  return sum
}
`

/** Two thirds of a thousand records a second and shard, in batches of a hundred. */
export const lapTimes = `
import { setTimeout } from 'node:timers/promises'
export const handler = () => setTimeout(150)
`
