// The thread that unpacks one large package.
import { setPriority, constants } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../../common/errors.ts'
import { toPlain } from '../../common/plain-error.ts'
import type { Unpacked, UnpackingOrder } from './unpacking.ts'
import { unpackZip } from './zip.ts'

// Of this thread alone, as Linux has it: who is invoked meanwhile goes first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW)

const { zip, directory } = workerData as UnpackingOrder
const port = parentPort
port?.postMessage(await unpack())

async function unpack(): Promise<Unpacked> {
  try {
    const refusal = await unpackZip(zip, directory)
    if (refusal === undefined) return { kind: 'unpacked' }
    return { kind: 'refused', code: refusal.code, message: refusal.message }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { kind: 'failed', error: toPlain(error) }
  }
}
