// A temporary directory with the files of a function, and a door through which its threads can be held.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface FunctionFolder {
  readonly directory: string
  write(files: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

/** Files by name, folders in between are made. */
export async function functionFolder(
  files: Readonly<Record<string, string>>,
): Promise<FunctionFolder> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-function-'))
  const write: FunctionFolder['write'] = async (more) => {
    for (const [name, text] of Object.entries(more)) {
      await mkdir(dirname(join(directory, name)), { recursive: true })
      // What names its interpreter is a program.
      const mode = text.startsWith('#!') ? 0o755 : 0o644
      await writeFile(join(directory, name), text, { mode })
    }
  }
  await write(files)
  return { directory, write, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** JavaScript for a handler: tells the gate that it is there and waits until it is let through. */
export const passGate = `(name) => new Promise((resolve) => {
  const gate = new BroadcastChannel(name)
  gate.onmessage = ({ data }) => {
    if (data !== 'open') return
    gate.close()
    resolve()
  }
  gate.postMessage('arrived')
})`

/** Holds handlers of this process's threads that call `passGate` with its name. */
export class Gate {
  readonly #channel: InstanceType<typeof BroadcastChannel>
  #arrived = 0
  #onArrival: (() => void) | undefined

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
    this.#channel.addEventListener('message', (message) => {
      if ((message as MessageEvent).data !== 'arrived') return
      this.#arrived += 1
      this.#onArrival?.()
    })
  }

  /** Resolves when `count` handlers in all have come. */
  arrived(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onArrival = () => {
        if (this.#arrived >= count) resolve()
      }
      this.#onArrival()
    })
  }

  /** Lets through all that wait now. */
  open(): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel, no window
    this.#channel.postMessage('open')
  }

  close(): void {
    this.#channel.close()
  }
}
