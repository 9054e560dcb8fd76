// Compiles the cidr operator: whether a string is an IPv4 or IPv6 address inside a block.
import { BlockList, isIP } from 'node:net'

/** A test of strings, or the reason why the block is none. */
export function compileCidr(block: string): ((text: string) => boolean) | string {
  const [address = '', maskText, more] = block.split('/')
  if (maskText === undefined || more !== undefined) return "Malformed CIDR, one '/' required"
  if (!/^-?\d+$/.test(maskText)) return 'Malformed CIDR, mask bits must be an integer'
  const version = isIP(address)
  if (version === 0) return `Nonstandard IP address: ${address}`
  const mask = Number(maskText)
  if (mask < 0) return 'Malformed CIDR, mask bits must not be negative'
  if (mask > (version === 4 ? 32 : 128)) return 'Malformed CIDR, mask bits exceed the address'
  const list = new BlockList()
  list.addSubnet(address, mask, version === 4 ? 'ipv4' : 'ipv6')
  // Never across families: BlockList would find an IPv4 address in a block of mapped IPv6 ones.
  return (text) => isIP(text) === version && list.check(text, version === 4 ? 'ipv4' : 'ipv6')
}
