// Tests that a handler can be debugged: the program runs with --inspect, and its threads are found by their debugger.
import { InvokeCommand } from '@aws-sdk/client-lambda'
import { afterEach, expect, test } from 'vitest'
import { createFunction, lambdaClient } from '../support/lambda.ts'
import { startPlatform, type Platform } from '../support/platform.ts'

let platform: Platform
let inspector: Inspector | undefined
afterEach(async () => {
  inspector?.close()
  await platform.stop()
})

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
}

/** Speaks DevTools' protocol with a program, and through it with each of its threads. */
class Inspector {
  readonly #socket: WebSocket
  readonly #paused = Promise.withResolvers<{ readonly session: string; readonly frame: string }>()
  readonly #answers = new Map<number, (result: Message['result']) => void>()
  #id = 0

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    return new Inspector(socket)
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { method, params = {} } = JSON.parse(String(data)) as Message
      const session = String(params['sessionId'])
      if (method === 'NodeWorker.attachedToWorker') void this.ask(session, 'Debugger.enable')
      if (method === 'NodeWorker.receivedMessageFromWorker') {
        this.#hear(session, JSON.parse(String(params['message'])) as Message)
      }
    })
    this.#send('NodeWorker.enable', { waitForDebuggerOnStart: false })
  }

  /** Where a thread has stopped first. */
  get paused(): Promise<{ readonly session: string; readonly frame: string }> {
    return this.#paused.promise
  }

  ask(sessionId: string, method: string, params: object = {}): Promise<Message['result']> {
    const id = (this.#id += 1)
    this.#send('NodeWorker.sendMessageToWorker', {
      sessionId,
      message: JSON.stringify({ id, method, params }),
    })
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  close(): void {
    this.#socket.close()
  }

  #send(method: string, params: object): void {
    this.#socket.send(JSON.stringify({ id: (this.#id += 1), method, params }))
  }

  #hear(session: string, { id, method, params, result }: Message): void {
    if (id !== undefined) this.#answers.get(id)?.(result)
    if (method !== 'Debugger.paused') return
    const [frame] = (params?.['callFrames'] ?? []) as { readonly callFrameId: string }[]
    this.#paused.resolve({ session, frame: frame?.callFrameId ?? '' })
  }
}

test('a handler stops at its debugger statement, shows its variables and goes on', async () => {
  platform = await startPlatform({ env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } })
  inspector = await Inspector.connect(/ws:\/\/\S+/.exec(platform.log())?.[0] ?? '')
  const client = lambdaClient(platform)
  const source = `export const handler = async (event) => {
    const seen = event.n + 1
    if (event.stop) debugger
    return seen
  }`
  // With so much memory it has a whole core: nothing pauses it but a debugger.
  await createFunction(client, { name: 'f', files: { 'index.mjs': source }, memorySizeMb: 1769 })
  const invoke = async (event: object): Promise<unknown> => {
    const command = new InvokeCommand({ FunctionName: 'f', Payload: JSON.stringify(event) })
    return JSON.parse((await client.send(command)).Payload?.transformToString() ?? '')
  }
  expect(await invoke({ n: 1 })).toBe(2)
  const answer = invoke({ n: 41, stop: true })
  const { session, frame } = await inspector.paused
  const question = { callFrameId: frame, expression: 'seen' }
  const evaluated = await inspector.ask(session, 'Debugger.evaluateOnCallFrame', question)
  expect(evaluated).toMatchObject({ result: { value: 42 } })
  void inspector.ask(session, 'Debugger.resume')
  expect(await answer).toBe(42)
})
