// Counts what the sockets do, and holds the memory that all connections share.

/** Plain counters; `metrics.ts` reads them. */
export class ServerCounters {
  connections = 0
  connectionsRefused = 0
  /** TLS handshakes that failed, or took too long. */
  tlsFailed = 0
  /** Logins by mechanism. */
  readonly logins = new Map<string, { succeeded: number; failed: number }>()
  /** Connections that we ended because of what came over them. */
  connectionsFailed = 0
  bytesIn = 0
  bytesOut = 0
  /** Bytes of requests, whole or in part, that are not answered yet: of all connections together. */
  requestBytes = 0

  loggedIn(mechanism: string, isRight: boolean): void {
    const counts = this.logins.get(mechanism) ?? { succeeded: 0, failed: 0 }
    if (isRight) counts.succeeded += 1
    else counts.failed += 1
    this.logins.set(mechanism, counts)
  }
}
