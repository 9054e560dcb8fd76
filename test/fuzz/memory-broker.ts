// A broker without sockets and disk, for frames that are handed to its handlers one by one.
import { join } from 'node:path'
import { ApiCounters } from '../../broker/api/api-counters.ts'
import type { BrokerContext } from '../../broker/api/broker-context.ts'
import { BrokerConfigs } from '../../broker/api/broker-configs.ts'
import { answer, type Caller } from '../../broker/api/handlers.ts'
import { Turns } from '../../broker/api/turns.ts'
import { Users } from '../../broker/auth/users.ts'
import { openCoordinators } from '../../broker/coordinators.ts'
import { silentLogger } from '../../common/logger.ts'
import { openStore, type TestStore } from '../support/log-store.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { MemoryFileSystem } from '../support/memory-file-system.ts'

export class MemoryBroker {
  readonly #broker: BrokerContext
  readonly #test: TestStore
  /** Requests that wait for something: their time comes with the clock's. */
  #waiting = 0

  private constructor(broker: BrokerContext, opened: TestStore) {
    this.#broker = broker
    this.#test = opened
  }

  static async open(scratch: string): Promise<MemoryBroker> {
    const clock = new ManualClock()
    const files = new MemoryFileSystem()
    await files.makeDirectory('/broker')
    const opened = await openStore({ clock, files })
    const { store } = opened
    const logger = silentLogger
    const directory = '/broker'
    const parts = { store, clock, logger, files, directory, groupInitialRebalanceDelayMs: 0 }
    const coordinators = await openCoordinators(parts)
    const users = { credentialFile: join(scratch, 'credentials'), usersFile: '', logger }
    const broker: BrokerContext = {
      identity: { nodeId: 1, clusterId: 'AAAAAAAAAAAAAAAAAAAAAA' },
      store,
      ...coordinators,
      users: await Users.open(users),
      counters: new ApiCounters(),
      partitionChanges: new Turns(),
      clock,
      logger,
      numPartitions: 1,
      autoCreateTopics: true,
      configs: await BrokerConfigs.open({ files, directory, store, started: {} }),
    }
    await store.createTopic('t', { partitions: 3 })
    return new MemoryBroker(broker, opened)
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Hands the frame over; resolves once it is answered, or waits for something. Rejects where a handler does. */
  async take(frame: Buffer): Promise<void> {
    const abort = new AbortController()
    const caller: Caller = {
      clientHost: '/127.0.0.1',
      advertised: { host: '127.0.0.1', port: 9092 },
      signal: abort.signal,
    }
    this.#waiting += 1
    const state = { isOver: false }
    const answered = answer(this.#broker, frame, caller).finally(() => {
      state.isOver = true
      this.#waiting -= 1
    })
    for (let ticks = 0; ticks < 40 && !state.isOver; ticks++) await tick()
    abort.abort()
    for (let ticks = 0; ticks < 5 && !state.isOver; ticks++) await tick()
    if (state.isOver) await answered
    // A join waits for its group; whatever becomes of it must not be a rejection.
    else answered.catch((error: unknown) => process.emit('uncaughtException', error as Error))
  }

  /**
   * Lets time pass, so that whatever waits ends; resolves with the log's own check. A member may ask for as much
   * as 2^31 ms, 25 days, for the others of its group to come back.
   */
  async settle(): Promise<readonly string[]> {
    for (let hours = 0; hours < 26 * 24; hours += 6) {
      this.#test.clock.advance(6 * 3_600_000)
      for (let ticks = 0; ticks < 20; ticks++) await tick()
    }
    return this.#test.store.check()
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
