// Sums up low tyre pressures per fleet: a Kafka handler as one would deploy it to Lambda.

/** One record of a batch, as Lambda delivers it: the value is base64. */
interface KafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key?: string
  readonly value: string
}

interface KafkaEvent {
  readonly eventSource: string
  /** Records by `topic-partition`. */
  readonly records: Readonly<Record<string, readonly KafkaRecord[]>>
}

interface Reading {
  readonly fleet_id: string
  readonly vehicle_id: string
  readonly wheel: string
  readonly tire_pressure: number
}

interface FleetSummary {
  readings: number
  lowest: number
  readonly vehicles: Set<string>
}

/** Logs one line per batch and returns how many readings it saw of how many fleets. */
export async function handler(event: KafkaEvent): Promise<{ readings: number; fleets: number }> {
  const fleets = new Map<string, FleetSummary>()
  const records = Object.values(event.records).flat()
  for (const { value } of records) {
    const reading = JSON.parse(Buffer.from(value, 'base64').toString('utf8')) as Reading
    add(fleets, reading)
  }
  console.log(summaryLine(records.length, fleets))
  return { readings: records.length, fleets: fleets.size }
}

function add(fleets: Map<string, FleetSummary>, reading: Reading): void {
  const known = fleets.get(reading.fleet_id)
  const fleet = known ?? { readings: 0, lowest: Infinity, vehicles: new Set<string>() }
  if (known === undefined) fleets.set(reading.fleet_id, fleet)
  fleet.readings += 1
  fleet.lowest = Math.min(fleet.lowest, reading.tire_pressure)
  fleet.vehicles.add(reading.vehicle_id)
}

function summaryLine(readings: number, fleets: ReadonlyMap<string, FleetSummary>): string {
  const limit = process.env['LOW_PRESSURE'] ?? '25'
  const worst = [...fleets].sort(([, a], [, b]) => a.lowest - b.lowest)[0]
  if (worst === undefined) return `no tyre below ${limit} psi`
  const [name, { lowest, vehicles }] = worst
  return (
    `${readings} readings below ${limit} psi in ${fleets.size} fleets; lowest ${lowest} psi ` +
    `in ${name} (${vehicles.size} vehicles)`
  )
}
