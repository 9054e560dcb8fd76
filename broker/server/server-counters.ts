// Counts what the sockets do, and holds the memory that all connections share.

/** Plain counters; `metrics.ts` reads them. */
export class ServerCounters {
  connections = 0
  connectionsRefused = 0
  /** Connections that we ended because of what came over them. */
  connectionsFailed = 0
  bytesIn = 0
  bytesOut = 0
  /** Bytes of requests, whole or in part, that are not answered yet: of all connections together. */
  requestBytes = 0
}
