// Runs the broker on a worker thread: starts it, answers for its metrics and problems, stops it.
import assert from 'node:assert/strict'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type { RunningRole } from '../common/role.ts'
import { startBroker, type BrokerOptions } from './broker.ts'
import { toPlain } from '../common/plain-error.ts'
import type { FromThread, ToThread } from './thread-messages.ts'

/** How often problems are looked for; the main thread is told when they change. */
const problemsIntervalMs = 1_000

assert(parentPort !== null, 'this file is the entry of a thread')
const port = parentPort

try {
  serve(await startBroker(workerData as BrokerOptions))
} catch (error) {
  if (!(error instanceof AppError)) throw error
  send({ type: 'failed', error: toPlain(error) })
}

function serve(broker: RunningRole): void {
  let told = ''
  let timer = systemClock.after(problemsIntervalMs, look)
  function look(): void {
    const problems = broker.problems()
    if (problems.join('\n') !== told) send({ type: 'problems', problems })
    told = problems.join('\n')
    timer = systemClock.after(problemsIntervalMs, look)
  }
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'collect':
        void collect(broker, message.id)
        return
      case 'stop':
        timer.cancel()
        void stop(broker)
    }
  })
  send({ type: 'started', doors: broker.doors })
}

async function collect(broker: RunningRole, id: number): Promise<void> {
  send({ type: 'collected', id, samples: await broker.metrics.collect() })
}

/** The thread ends by itself once its port is closed. */
async function stop(broker: RunningRole): Promise<void> {
  await broker.stop()
  send({ type: 'stopped' })
  port.close()
}

function send(message: FromThread): void {
  port.postMessage(message)
}
