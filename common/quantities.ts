// Reads and writes sizes and durations as people type them: 64MiB, 1500ms, 7d.

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
}

const millisecondUnits: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `"64MiB"` → 67108864; undefined where the text is not a size. `-1` stands for "no bound". */
export function parseBytes(text: string): number | undefined {
  return parseQuantity(text, byteUnits)
}

/** `"7d"` → 604800000; a bare number is milliseconds; undefined where the text is no duration. */
export function parseMilliseconds(text: string): number | undefined {
  return parseQuantity(text, millisecondUnits)
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  if (text.trim() === '-1') return -1
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const factor = units[unit?.toLowerCase() ?? '']
  if (number === undefined || factor === undefined) return undefined
  const value = Math.round(Number(number) * factor)
  return Number.isSafeInteger(value) ? value : undefined
}

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let index = 0
  for (; value >= 1024 && index < names.length - 1; index++) value /= 1024
  return `${index === 0 ? value : value.toFixed(1)} ${names[index]}`
}

/** 1500 → `1.5 s`; 250 → `250 ms`. */
export function formatMilliseconds(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const minutes = Math.floor(ms / 60_000)
  return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`
}
