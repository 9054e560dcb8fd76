// Reads on for those who read partitions in order: what they ask for next is in memory by then.
import { letGo } from '../../common/buffer-pool.ts'
import type { Clock, Timer } from '../../common/clock.ts'

/** Whole batches of a segment, at least one. */
export interface ReadPiece {
  /** Held for whoever has the piece. */
  readonly chunk: Buffer
  /** The offset behind them. */
  readonly next: number
  /** Whether the segment goes on with a batch that had no room. */
  readonly isCut: boolean
  /** How many exchanges of segments there had been (`ReadGate`): once there is another, it is out of date. */
  readonly exchanges: number
}

export interface ReadAheadOptions {
  readonly clock: Clock
  /** Of all partitions together; what would go beyond it is not read ahead. */
  readonly maxBytes: number
  /** How many pieces, behind each other, for one reader: those behind its first while half of the memory is free. */
  readonly piecesMax: number
  /** What nobody has asked for by then is let go. */
  readonly maxAgeMs: number
}

/** A place where a reader is expected, and what was read there for it, if anything was. */
interface Place {
  readonly owner: object
  readonly offset: number
  readonly sinceMs: number
  readonly bytes: number
  readonly piece: Promise<ReadPiece | undefined> | undefined
}

/** A piece as one reader has found it; another may take it, or its time be up, at any moment. */
export interface FoundPiece {
  readonly piece: ReadPiece
  /** Whether it is the caller's from now on. */
  take(): boolean
  /** Lets go of it. */
  drop(): void
}

export interface PlaceToRead {
  readonly owner: object
  readonly offset: number
  /** What a piece may take. */
  readonly bytes: number
  /** How many pieces lie before it that its reader has not come for. */
  readonly number: number
  /** The offset behind, where that is known before it is read. */
  readonly next: number | undefined
}

type GoOn = (offset: number, number: number) => void

/** Places without bytes take little, and so many: a reader of each partition that may be. */
const placesMax = 20_000

/**
 * Invariant: `heldBytes` is what all places may hold, at most `maxBytes`. A piece has one holder: this, until it is
 * taken or let go.
 */
export class ReadAhead {
  readonly #options: ReadAheadOptions
  /** By age: each lives equally long. */
  readonly #places = new Set<Place>()
  readonly #byOwner = new Map<object, Map<number, Place>>()
  readonly #reading = new Set<Promise<unknown>>()
  #heldBytes = 0
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: ReadAheadOptions) {
    this.#options = options
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** A reader is expected to go on at `offset` of `owner`. */
  expect(owner: object, offset: number): void {
    if (!this.#hasPiece(owner, offset)) this.#add({ owner, offset, bytes: 0, piece: undefined })
  }

  /** Whether one is expected there, or was a moment ago. */
  isExpected(owner: object, offset: number): boolean {
    return this.#byOwner.get(owner)?.has(offset) === true
  }

  /** Whether any reader was there a moment ago. */
  isRead(owner: object): boolean {
    return this.#byOwner.has(owner)
  }

  /**
   * Reads what begins there, unless that was begun before, where there is room for it; then goes on with `goOn`, told the
   * offset behind, for each piece but the last. Neither ever rejects.
   */
  start(place: PlaceToRead, read: () => Promise<ReadPiece | undefined>, goOn: GoOn): void {
    const { owner, offset, bytes, number } = place
    const { maxBytes, piecesMax } = this.#options
    const readBefore = this.#byOwner.get(owner)?.get(offset)?.piece
    if (readBefore === undefined) {
      const roomBytes = number === 0 ? maxBytes : maxBytes / 2
      const isRoom = this.#heldBytes + bytes <= roomBytes && !this.#isClosed
      if (!isRoom) return this.expect(owner, offset)
    }
    const piece = readBefore ?? this.#read(place, read)
    if (number + 1 >= piecesMax) return
    if (place.next !== undefined) return goOn(place.next, number + 1)
    void piece.then((found) => {
      if (found !== undefined && !this.#isClosed) goOn(found.next, number + 1)
    })
  }

  #read(
    { owner, offset, bytes }: PlaceToRead,
    read: () => Promise<ReadPiece | undefined>,
  ): Promise<ReadPiece | undefined> {
    const piece = read()
    this.#reading.add(piece)
    void piece.finally(() => this.#reading.delete(piece))
    this.#add({ owner, offset, bytes, piece })
    return piece
  }

  /** What was read ahead from `offset` on, once it is there. */
  async find(owner: object, offset: number): Promise<FoundPiece | undefined> {
    const place = this.#byOwner.get(owner)?.get(offset)
    const piece = await place?.piece
    if (place === undefined || piece === undefined) return undefined
    return { piece, take: () => this.#take(place), drop: () => this.#forget(place) }
  }

  /** Lets go of what lies at `offset`, or of all that there is of `owner`. */
  drop(owner: object, offset?: number): void {
    for (const place of this.#byOwner.get(owner)?.values() ?? []) {
      if (offset === undefined || place.offset === offset) this.#forget(place)
    }
  }

  /** Resolves when nothing is read any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const place of this.#places) this.#forget(place)
    await Promise.all(this.#reading)
  }

  #hasPiece(owner: object, offset: number): boolean {
    return this.#byOwner.get(owner)?.get(offset)?.piece !== undefined
  }

  #add(found: Omit<Place, 'sinceMs'>): void {
    const { owner, offset } = found
    this.drop(owner, offset)
    const place = { ...found, sinceMs: this.#options.clock.now() }
    const places = this.#byOwner.get(owner) ?? new Map<number, Place>()
    this.#byOwner.set(owner, places.set(offset, place))
    this.#places.add(place)
    this.#heldBytes += place.bytes
    for (const oldest of this.#places) {
      if (this.#places.size <= placesMax) break
      this.#forget(oldest)
    }
    this.#wait()
  }

  #take(place: Place): boolean {
    const isTaken = this.#remove(place)
    if (isTaken) this.#heldBytes -= place.bytes
    return isTaken
  }

  #remove(place: Place): boolean {
    if (!this.#places.delete(place)) return false
    const places = this.#byOwner.get(place.owner)
    places?.delete(place.offset)
    if (places?.size === 0) this.#byOwner.delete(place.owner)
    return true
  }

  #forget(place: Place): void {
    if (!this.#remove(place)) return
    // Until it is read its memory is in use.
    void place.piece?.then((piece) => {
      this.#heldBytes -= place.bytes
      if (piece !== undefined) letGo(piece.chunk)
    })
  }

  #wait(): void {
    const [oldest] = this.#places
    if (oldest === undefined || this.#timer !== undefined || this.#isClosed) return
    const { clock, maxAgeMs } = this.#options
    this.#timer = clock.after(oldest.sinceMs + maxAgeMs - clock.now(), () => {
      this.#timer = undefined
      for (const place of this.#places) {
        if (place.sinceMs + maxAgeMs > clock.now()) break
        this.#forget(place)
      }
      this.#wait()
    })
  }
}
