// What every role gives the program that started it: its doors, its metrics, its health, its end.
import type { MetricSource } from './metrics.ts'

export interface RunningRole {
  readonly name: string
  /** Where the role listens, by door: `{kafka: '127.0.0.1:9092'}`. Ports are the real ones. */
  readonly doors: Readonly<Record<string, string>>
  readonly metrics: MetricSource
  /** Empty when all is well; otherwise a sentence per problem, for `/health`. */
  problems(): readonly string[]
  /** Finishes what is in flight, within the grace of `limits.stopGraceMs`, then closes everything. */
  stop(): Promise<void>
}
