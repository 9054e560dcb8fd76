// A record of a stream as an answer has it, its data where it lies.

export class StreamRecord {
  /** Empty where its producer gave none: a stream may distribute its records itself. */
  readonly partitionKey: string
  readonly sequenceNumber: string
  readonly arrivalMs: number
  /** The whole answer, or bytes of its own. */
  readonly bytes: Buffer
  readonly dataStart: number
  readonly dataBytes: number

  constructor(of: Pick<StreamRecord, 'partitionKey' | 'sequenceNumber' | 'arrivalMs'>, at: Place) {
    this.partitionKey = of.partitionKey
    this.sequenceNumber = of.sequenceNumber
    this.arrivalMs = of.arrivalMs
    this.bytes = at.bytes
    this.dataStart = at.dataStart
    this.dataBytes = at.dataBytes
  }

  /** A view, made anew by each access. */
  get data(): Buffer {
    return this.bytes.subarray(this.dataStart, this.dataStart + this.dataBytes)
  }
}

type Place = Pick<StreamRecord, 'bytes' | 'dataStart' | 'dataBytes'>

/** Where all of a buffer is. */
export function placeOf(data: Buffer): Place {
  return { bytes: data, dataStart: 0, dataBytes: data.length }
}
