// A thread that tries a control group: enters it, and ends; what it saw there is its last word.
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { reasonOf } from '../../common/errors.ts'
import { joinGroup, limitGroup, makeGroup, threadsFile, type Group } from './cgroup-files.ts'

/** `undefined`: it works. */
export type TrialResult = string | undefined

const group = workerData as Group
const port = parentPort
port?.postMessage(tryGroup())

function tryGroup(): TrialResult {
  try {
    makeGroup(group)
    limitGroup(group, 1)
    joinGroup(group)
    const tid = /\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? ''
    const members = readFileSync(join(group.path, threadsFile(group)), 'utf8').split('\n')
    return members.includes(tid) ? undefined : 'a thread did not enter its group'
  } catch (error) {
    return reasonOf(error)
  }
}
