// Lets pollers and the broker of a simulation go down and come back, and second pollers come and go.
import type { PollerProcess } from './poller-process.ts'
import { exponentialMs, type Random } from './random.ts'
import type { Simulation } from './simulation.ts'

/** Kafka takes a member for dead that it has not heard of for so long, by default. */
const sessionTimeoutMs = 45_000

export class Faults {
  readonly #simulation: Simulation
  readonly #random: Random
  #isOver = false
  #brokerDowns = 0
  #first: PollerProcess | undefined
  #second: PollerProcess | undefined

  constructor(simulation: Simulation, random: Random) {
    this.#simulation = simulation
    this.#random = random
  }

  get isBrokerDown(): boolean {
    return this.#brokerDowns > 0
  }

  start(): void {
    this.#startFirst()
    const { failures } = this.#simulation.scenario
    this.#repeat(failures.pollerCrashesPerHour, () => this.#crashPoller())
    this.#repeat(failures.brokerCrashesPerHour, () => this.#crashBroker())
    this.#repeat(failures.rebalancesPerHour, () => this.#startSecond())
  }

  /** What is down comes back when it would have, and nothing new goes down. */
  end(): void {
    this.#isOver = true
  }

  #repeat(perHour: number, act: () => void): void {
    const delayMs = exponentialMs(this.#random, perHour)
    if (delayMs === Infinity) return
    this.#simulation.after(delayMs, () => {
      if (this.#isOver) return
      act()
      this.#repeat(perHour, act)
    })
  }

  #startFirst(): void {
    this.#first = this.#simulation.newProcess()
    this.#simulation.group.join(this.#first)
  }

  /** What it has in flight runs on without it. */
  #crashPoller(): void {
    if (this.#first === undefined) return
    this.#kill(this.#first)
    this.#first = undefined
    this.#simulation.after(this.#simulation.scenario.failures.pollerDownMs, () =>
      this.#startFirst(),
    )
  }

  #startSecond(): void {
    if (this.#second !== undefined) return
    const second = this.#simulation.newProcess()
    this.#second = second
    this.#simulation.group.join(second)
    this.#simulation.after(this.#simulation.scenario.failures.secondPollerMs, () => {
      this.#kill(second)
      this.#second = undefined
    })
  }

  #kill(process: PollerProcess): void {
    process.isAlive = false
    this.#simulation.group.leave(process)
  }

  #crashBroker(): void {
    const { brokerDownMs } = this.#simulation.scenario.failures
    this.#brokerDowns += 1
    this.#simulation.after(brokerDownMs, () => {
      this.#brokerDowns -= 1
      this.#simulation.readsAgain()
      // A stream has no group that could lose sight of its reader.
      if (this.#simulation.tellsStarts) return
      // Members that the group has not heard of for long have to join again; any may have been too late.
      if (brokerDownMs < sessionTimeoutMs && this.#random() < 0.5) return
      const { members } = this.#simulation.group
      const forgotten = new Set(members.filter(() => this.#random() < 0.7))
      this.#simulation.group.forget(forgotten)
    })
  }
}
