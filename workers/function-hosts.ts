// The hosts and counters of the functions that were invoked, a host for each version.
import type { FunctionRecord, VersionRecord } from '../control/registry/registry.ts'
import { latestVersion } from '../control/registry/function-version.ts'
import { FunctionCounters } from './function-counters.ts'
import type { FunctionPool } from './function-pool.ts'
import { FunctionHost, type FunctionHostOptions } from './function-host.ts'

export type FunctionHostsOptions = Omit<FunctionHostOptions, 'counters'>

/** A version's host exists from its first invocation until it or its function is deleted. */
export class FunctionHosts {
  readonly #options: FunctionHostsOptions
  readonly #hosts = new Map<string, Map<string, FunctionHost>>()
  readonly #counters = new Map<string, FunctionCounters>()

  constructor(options: FunctionHostsOptions) {
    this.#options = options
  }

  /** Of a function with all its versions. */
  counters(name: string): FunctionCounters {
    let counters = this.#counters.get(name)
    if (counters === undefined) {
      counters = new FunctionCounters(this.#options.clock)
      this.#counters.set(name, counters)
    }
    return counters
  }

  /** Functions that were invoked. */
  counted(): Iterable<readonly [name: string, counters: FunctionCounters]> {
    return this.#counters
  }

  host(name: string, version: string): FunctionHost {
    let hosts = this.#hosts.get(name)
    if (hosts === undefined) {
      hosts = new Map()
      this.#hosts.set(name, hosts)
    }
    let host = hosts.get(version)
    if (host === undefined) {
      host = new FunctionHost({ ...this.#options, counters: this.counters(name) })
      hosts.set(version, host)
    }
    return host
  }

  /** A pool of one environment of a version that is made ahead and stays. */
  openKept(record: VersionRecord, onChange: () => void): Promise<FunctionPool> {
    return this.host(record.name, record.version).openKept(record, onChange)
  }

  /** A function or, with a version, that version is as in `record` now, or gone. */
  changed(name: string, record: FunctionRecord | undefined, version?: string): void {
    const hosts = this.#hosts.get(name)
    if (record !== undefined) return hosts?.get(version ?? latestVersion)?.follow(record)
    for (const [key, host] of hosts ?? []) {
      if (version !== undefined && version !== key) continue
      host.retire()
      hosts?.delete(key)
    }
    if (version !== undefined) return
    this.#hosts.delete(name)
    this.#counters.delete(name)
  }
}
