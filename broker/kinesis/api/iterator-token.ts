// Shard iterators: opaque tokens of a place in a shard, which nobody but this broker can make, for five minutes.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { kinesisIteratorMaxMs } from '../../../common/kinesis-limits.ts'
import { invalidArgument, KinesisError, type Outcome } from './kinesis-errors.ts'

export interface ShardPlace {
  /** A UUID. */
  readonly streamId: string
  readonly shardIndex: number
  readonly offset: number
}

/*
 * Base64 of: version u8 | stream id, 16 bytes | shard index u32 | offset u64 | made at, milliseconds u64 |
 * the first 16 bytes of an HMAC-SHA-256 of all that.
 */
const version = 1
const bodyBytes = 37
const tokenBytes = bodyBytes + 16

export class IteratorTokens {
  readonly #key: Buffer

  /** `secret` lasts as long as tokens are to: a start in between does not end them. */
  constructor(secret: string) {
    this.#key = createHash('sha256').update(`shard iterators of ${secret}`).digest()
  }

  make({ streamId, shardIndex, offset }: ShardPlace, nowMs: number): string {
    const token = Buffer.allocUnsafe(tokenBytes)
    token[0] = version
    token.write(streamId.replaceAll('-', ''), 1, 'hex')
    token.writeUInt32BE(shardIndex, 17)
    token.writeBigUInt64BE(BigInt(offset), 21)
    token.writeBigUInt64BE(BigInt(nowMs), 29)
    this.#mac(token).copy(token, bodyBytes)
    return token.toString('base64')
  }

  /** Refuses what `make` did not make, and what it made too long ago. */
  read(text: string, nowMs: number): Outcome<ShardPlace> {
    const token = Buffer.from(text, 'base64')
    const isOurs =
      token.length === tokenBytes &&
      token.toString('base64') === text &&
      token[0] === version &&
      timingSafeEqual(this.#mac(token), token.subarray(bodyBytes))
    if (!isOurs) return invalidArgument('Invalid ShardIterator.')
    const madeMs = Number(token.readBigUInt64BE(29))
    if (nowMs - madeMs > kinesisIteratorMaxMs) return expired(madeMs, nowMs)
    const id = token.toString('hex', 1, 17)
    return {
      streamId: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
      shardIndex: token.readUInt32BE(17),
      offset: Number(token.readBigUInt64BE(21)),
    }
  }

  #mac(token: Buffer): Buffer {
    const mac = createHmac('sha256', this.#key).update(token.subarray(0, bodyBytes)).digest()
    return mac.subarray(0, tokenBytes - bodyBytes)
  }
}

function expired(madeMs: number, nowMs: number): KinesisError {
  return new KinesisError(
    'ExpiredIteratorException',
    `Iterator expired. The iterator was created at time ${timeOf(madeMs)} while right now it is ${timeOf(nowMs)} ` +
      `which is further in the future than the tolerated delay of ${kinesisIteratorMaxMs} milliseconds.`,
  )
}

/** As AWS writes it: `Thu Jan 22 01:22:02 UTC 2015`. */
function timeOf(ms: number): string {
  const [, weekday, day, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/.exec(new Date(ms).toUTCString()) ?? []
  return `${weekday} ${month} ${day} ${time} UTC ${year}`
}
