// Makes a PNG small: as few colours as a picture of lines and letters has, at most 256, a byte a pixel.
import assert from 'node:assert/strict'
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const signature = Buffer.from('89504e470d0a1a0a', 'hex')
const coloursMost = 256

interface Image {
  readonly width: number
  readonly height: number
  /** 3 bytes a pixel. */
  readonly pixels: Uint8Array
}

/** Of a PNG as Chromium writes it: 8 bits a channel, red, green and blue, with alpha or without, not interlaced. */
export function withPalette(png: Buffer): Buffer {
  const image = decode(png)
  const palette = paletteOf(image)
  const { width, height, pixels } = image
  const nearest = new Map<number, number>()
  const rows = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colourAt(pixels, (y * width + x) * 3)
      let index = nearest.get(colour)
      if (index === undefined) nearest.set(colour, (index = nearestOf(palette, colour)))
      rows[y * (width + 1) + 1 + x] = index
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // 8 bits a pixel, which are an index into the palette.
  header.set([8, 3], 8)
  const colours = Buffer.from(palette.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const colourAt = (pixels: Uint8Array, at: number): number =>
  ((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0)

/** The colours that most pixels have: what is left out are shades at the edges of letters and lines. */
function paletteOf({ pixels }: Image): readonly number[] {
  const counts = new Map<number, number>()
  for (let at = 0; at < pixels.length; at += 3) {
    const colour = colourAt(pixels, at)
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  const byCount = [...counts].toSorted(([, a], [, b]) => b - a)
  return byCount.slice(0, coloursMost).map(([colour]) => colour)
}

function nearestOf(palette: readonly number[], colour: number): number {
  let best = 0
  let least = Infinity
  for (const [i, each] of palette.entries()) {
    const red = (each >> 16) - (colour >> 16)
    const green = ((each >> 8) & 255) - ((colour >> 8) & 255)
    const blue = (each & 255) - (colour & 255)
    const distance = red * red + green * green + blue * blue
    if (distance < least) [best, least] = [i, distance]
  }
  return best
}

function decode(png: Buffer): Image {
  assert(png.subarray(0, 8).equals(signature), 'a PNG')
  const parts: Buffer[] = []
  let header: Buffer = Buffer.alloc(0)
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 8, at + 8 + length)
    const type = png.toString('latin1', at + 4, at + 8)
    if (type === 'IHDR') header = body
    if (type === 'IDAT') parts.push(body)
    at += length + 12
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const [bits, kind, , , interlaced] = header.subarray(8)
  assert(
    bits === 8 && (kind === 2 || kind === 6) && interlaced === 0,
    'a PNG of colours, not interlaced',
  )
  const channels = kind === 2 ? 3 : 4
  const raw = unfiltered(inflateSync(Buffer.concat(parts)), width * channels, channels)
  const pixels = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    pixels.set(raw.subarray(i * channels, i * channels + 3), i * 3)
  }
  return { width, height, pixels }
}

/** Each row begins with how its bytes were made from those to the left and above (PNG, 9.2). */
function unfiltered(data: Uint8Array, rowBytes: number, channels: number): Uint8Array {
  const rows = data.length / (rowBytes + 1)
  const out = new Uint8Array(rows * rowBytes)
  for (let y = 0; y < rows; y++) {
    const filter = data[y * (rowBytes + 1)] ?? 0
    for (let i = 0; i < rowBytes; i++) {
      const at = y * rowBytes + i
      const left = i < channels ? 0 : (out[at - channels] ?? 0)
      const above = y === 0 ? 0 : (out[at - rowBytes] ?? 0)
      const corner = y === 0 || i < channels ? 0 : (out[at - rowBytes - channels] ?? 0)
      const by = predictions[filter]
      assert(by !== undefined, 'a filter that PNG has')
      out[at] = (data[y * (rowBytes + 1) + 1 + i] ?? 0) + by(left, above, corner)
    }
  }
  return out
}

type Prediction = (left: number, above: number, corner: number) => number

const predictions: readonly Prediction[] = [
  () => 0,
  (left) => left,
  (_, above) => above,
  (left, above) => (left + above) >> 1,
  (left, above, corner) => {
    const estimate = left + above - corner
    const [toLeft, toAbove] = [Math.abs(estimate - left), Math.abs(estimate - above)]
    const toCorner = Math.abs(estimate - corner)
    if (toLeft <= toAbove && toLeft <= toCorner) return left
    return toAbove <= toCorner ? above : corner
  },
]

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const whole = Buffer.alloc(named.length + 8)
  whole.writeUInt32BE(body.length, 0)
  whole.set(named, 4)
  whole.writeUInt32BE(crc32(named), named.length + 4)
  return whole
}
