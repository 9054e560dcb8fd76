// Tests the example's handler on an event as Lambda delivers it.
import { expect, test } from 'vitest'
import { handler } from './handler.ts'

function record(
  offset: number,
  reading: object,
): Parameters<typeof handler>[0]['records'][string][number] {
  const value = Buffer.from(JSON.stringify(reading)).toString('base64')
  return { topic: 'telemetry', partition: 0, offset, timestamp: 0, value }
}

test('a batch is summed up per fleet', async () => {
  const event = {
    eventSource: 'aws:kafka',
    records: {
      'telemetry-0': [
        record(1, { fleet_id: 'fleet-1', vehicle_id: 'v-1', wheel: 'a', tire_pressure: 21 }),
        record(2, { fleet_id: 'fleet-2', vehicle_id: 'v-2', wheel: 'a', tire_pressure: 19.5 }),
      ],
      'telemetry-7': [
        record(1, { fleet_id: 'fleet-1', vehicle_id: 'v-3', wheel: 'a', tire_pressure: 22 }),
      ],
    },
  }
  expect(await handler(event)).toEqual({ readings: 3, fleets: 2 })
  expect(await handler({ eventSource: 'aws:kafka', records: {} })).toEqual({
    readings: 0,
    fleets: 0,
  })
})
