// Measures what a schema registry's records take to decode, beside avsc, protobufjs and ajv by themselves on the same bytes.
import { parseArgs } from 'node:util'
import { Ajv } from 'ajv'
import avro from 'avsc'
import protobuf from 'protobufjs'
import { deserializerOf } from '../poller/schema-registry/deserializer.ts'
import type { SchemaType } from '../poller/schema-registry/registry-client.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
  },
})
const [count, rounds] = [Number(values.records), Number(values.rounds)]

/** A car's telemetry of about a kilobyte as JSON: numbers, texts, an enumeration, a list and a map. */
const telemetry = (index: number) => ({
  car: `car-${index % 100}`,
  lap: index % 70,
  takenAtMs: 1_700_000_000_000 + index,
  tyre: index % 2 === 0 ? 'SOFT' : 'HARD',
  samples: Array.from({ length: 20 }, (_, i) => ({
    speedKmh: 200.5 + i,
    throttle: i / 20,
    gear: 7,
  })),
  notes: { weather: 'dry', stint: `${index % 5}`, session: 'a longer text of some words' },
})

const avroSchema = JSON.stringify({
  type: 'record',
  name: 'Telemetry',
  fields: [
    { name: 'car', type: 'string' },
    { name: 'lap', type: 'int' },
    { name: 'takenAtMs', type: 'long' },
    { name: 'tyre', type: { type: 'enum', name: 'Tyre', symbols: ['SOFT', 'HARD'] } },
    {
      name: 'samples',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Sample',
          fields: [
            { name: 'speedKmh', type: 'double' },
            { name: 'throttle', type: 'double' },
            { name: 'gear', type: 'int' },
          ],
        },
      },
    },
    { name: 'notes', type: { type: 'map', values: 'string' } },
  ],
})
const protoSchema = `syntax = "proto3";
message Telemetry {
  string car = 1; int32 lap = 2; int64 takenAtMs = 3; Tyre tyre = 4;
  repeated Sample samples = 5; map<string, string> notes = 6;
  enum Tyre { SOFT = 0; HARD = 1; }
  message Sample { double speedKmh = 1; double throttle = 2; int32 gear = 3; }
}`
const jsonSchema = JSON.stringify({
  type: 'object',
  required: ['car', 'lap', 'samples'],
  properties: {
    car: { type: 'string' },
    lap: { type: 'integer', minimum: 0 },
    takenAtMs: { type: 'integer' },
    tyre: { enum: ['SOFT', 'HARD'] },
    samples: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          speedKmh: { type: 'number' },
          throttle: { type: 'number' },
          gear: { type: 'integer' },
        },
      },
    },
    notes: { type: 'object', additionalProperties: { type: 'string' } },
  },
})

interface Format {
  readonly type: SchemaType
  readonly schema: string
  /** What a record's value has behind its schema's id, message indexes of protobuf included. */
  readonly bodies: readonly Buffer[]
  /** The library by itself: to an object, and from there to JSON. */
  readonly decode: (body: Buffer) => unknown
  readonly toJson: (body: Buffer) => Buffer
}

const records = Array.from({ length: count }, (_, index) => telemetry(index))

function avroFormat(): Format {
  const type = avro.Type.forSchema(JSON.parse(avroSchema) as avro.Schema)
  const decode = (body: Buffer): unknown => type.fromBuffer(body)
  const toJson = (body: Buffer): Buffer => Buffer.from(JSON.stringify(decode(body)))
  return {
    type: 'AVRO',
    schema: avroSchema,
    bodies: records.map((each) => type.toBuffer(each)),
    decode,
    toJson,
  }
}

function protobufFormat(): Format {
  const type = protobuf.parse(protoSchema, { keepCase: true }).root.lookupType('Telemetry')
  const bodies = records.map((each) => {
    const bytes = type.encode(type.fromObject(each)).finish()
    return Buffer.concat([Buffer.from([0]), bytes])
  })
  const decode = (body: Buffer): unknown => type.decode(body.subarray(1))
  const toJson = (body: Buffer): Buffer => Buffer.from(JSON.stringify(decode(body)))
  return { type: 'PROTOBUF', schema: protoSchema, bodies, decode, toJson }
}

function jsonFormat(): Format {
  const validate = new Ajv().compile(JSON.parse(jsonSchema) as object)
  const bodies = records.map((each) => Buffer.from(JSON.stringify(each)))
  const decode = (body: Buffer): unknown => {
    const value: unknown = JSON.parse(body.toString())
    if (!validate(value)) throw new Error('it is not of its schema')
    return value
  }
  const toJson = (body: Buffer): Buffer => {
    decode(body)
    return body
  }
  return { type: 'JSON', schema: jsonSchema, bodies, decode, toJson }
}

async function measured({ type, schema, bodies, decode, toJson }: Format) {
  const reader = await deserializerOf({ wire: 'confluent', type, text: schema, references: [] })
  const ours = (body: Buffer): Buffer => {
    const read = reader.read(body)
    if ('reason' in read) throw new Error(read.reason)
    return read.json
  }
  const [first] = bodies
  if (first === undefined) throw new Error('there is a record')
  const ways = { ours, 'library to an object': decode, 'library to JSON': toJson }
  const rates = new Map<string, number[]>()
  // The first round warms up, and each way comes in each.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const startMs = performance.now()
      for (const body of bodies) way(body)
      const perSecond = bodies.length / ((performance.now() - startMs) / 1000)
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), perSecond])
    }
  }
  const recordsPerSecond = Object.fromEntries(
    Array.from(rates, ([name, each]) => [name, Math.round(median(each))]),
  )
  const { 'library to JSON': library = 1, ours: own = 0 } = recordsPerSecond
  return {
    format: type,
    bytes: first.length,
    jsonBytes: ours(first).length,
    recordsPerSecond,
    ratio: Math.round((own / library) * 100) / 100,
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

const results = []
for (const format of [avroFormat(), protobufFormat(), jsonFormat()])
  results.push(await measured(format))
process.stdout.write(`${JSON.stringify({ records: count, rounds, results }, null, 2)}\n`)
