// Writes Kafka frames as a capture file (pcap) of one TCP connection each, as tshark reads it.

/** The server's port in the capture: tell tshark `-d tcp.port==9092,kafka`. */
export const capturePort = 9092

// pcap: microseconds, version 2.4, packets of at most 256 KiB that begin with an IP header (link type 101).
const linkTypeRawIp = 101
const segmentMaxBytes = 32_000
const acknowledgePush = 0x18

/** A connection of a client's port to the server; sequence numbers go on from packet to packet. */
interface Connection {
  readonly clientPort: number
  readonly sent: { client: number; server: number }
}

export class KafkaCapture {
  readonly #packets: Buffer[] = []
  readonly #connections = new Map<number, Connection>()

  /** A whole frame, with its length, from one end of the connection that has this client port. */
  add(from: 'client' | 'server', clientPort: number, frame: Buffer): void {
    const connection = this.#connections.get(clientPort) ?? {
      clientPort,
      sent: { client: 1, server: 1 },
    }
    this.#connections.set(clientPort, connection)
    for (let start = 0; start < frame.length; start += segmentMaxBytes) {
      const payload = frame.subarray(start, start + segmentMaxBytes)
      this.#packets.push(this.#packet(from, connection, payload))
      connection.sent[from] += payload.length
    }
  }

  toFile(): Buffer {
    const header = Buffer.alloc(24)
    header.writeUInt32LE(0xa1b2c3d4, 0)
    header.writeUInt16LE(2, 4)
    header.writeUInt16LE(4, 6)
    header.writeUInt32LE(262_144, 16)
    header.writeUInt32LE(linkTypeRawIp, 20)
    return Buffer.concat([header, ...this.#packets])
  }

  #packet(from: 'client' | 'server', { clientPort, sent }: Connection, payload: Buffer): Buffer {
    const to = from === 'client' ? 'server' : 'client'
    const ports = from === 'client' ? [clientPort, capturePort] : [capturePort, clientPort]
    const packet = Buffer.alloc(16 + 40)
    const length = 40 + payload.length
    packet.writeUInt32LE(this.#packets.length, 0)
    packet.writeUInt32LE(length, 8)
    packet.writeUInt32LE(length, 12)
    // IPv4: version and header length, total length, lifetime, TCP; checksums are not looked at.
    packet.writeUInt8(0x45, 16)
    packet.writeUInt16BE(length, 18)
    packet.writeUInt8(64, 24)
    packet.writeUInt8(6, 25)
    packet.writeUInt32BE(0x7f000001, 28)
    packet.writeUInt32BE(0x7f000001, 32)
    packet.writeUInt16BE(ports[0] ?? 0, 36)
    packet.writeUInt16BE(ports[1] ?? 0, 38)
    packet.writeUInt32BE(sent[from], 40)
    packet.writeUInt32BE(sent[to], 44)
    packet.writeUInt8(0x50, 48)
    packet.writeUInt8(acknowledgePush, 49)
    packet.writeUInt16BE(65_535, 50)
    return Buffer.concat([packet, payload])
  }
}
