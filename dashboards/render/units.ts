// Writes a number in a panel's unit as Grafana does, closely enough for a picture.

const thousands = ['', ' K', ' Mil', ' Bil']
const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
const decimal = ['B/s', 'kB/s', 'MB/s', 'GB/s']

export function inUnit(value: number | undefined, unit: string): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  switch (unit) {
    case 's':
      return duration(value)
    case 'percentunit':
      return `${short(value * 100)}%`
    case 'bytes':
      return scaled(value, 1024, binary, ' ')
    case 'Bps':
      return scaled(value, 1000, decimal, ' ')
    case 'reqps':
      return `${short(value)} req/s`
    default:
      return scaled(value, 1000, thousands, '')
  }
}

function duration(seconds: number): string {
  const size = Math.abs(seconds)
  if (size === 0) return '0 s'
  if (size < 0.001) return `${short(seconds * 1e6)} µs`
  if (size < 1) return `${short(seconds * 1000)} ms`
  if (size < 120) return `${short(seconds)} s`
  if (size < 7200) return `${short(seconds / 60)} min`
  return size < 172_800 ? `${short(seconds / 3600)} hours` : `${short(seconds / 86_400)} days`
}

function scaled(value: number, base: number, names: readonly string[], space: string): string {
  let rest = value
  let step = 0
  while (Math.abs(rest) >= base && step < names.length - 1) {
    rest /= base
    step += 1
  }
  return `${short(rest)}${space}${names[step]}`
}

/** Three digits are enough to read. */
function short(value: number): string {
  if (Number.isInteger(value)) return String(value)
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return String(Number(value.toFixed(digits)))
}
