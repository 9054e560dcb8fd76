// Says how long bytes are as Base64 text.

export function base64Bytes(bytes: number): number {
  return Math.ceil(bytes / 3) * 4
}
