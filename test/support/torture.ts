// Functions that misbehave, one of each kind, each with the answer that it is to get, and functions that behave.
import type { Runtime } from '@aws-sdk/client-lambda'
import { nodeHandler } from './node-bootstrap.ts'
import { zipOf } from './zip-file.ts'

export interface BadFunction {
  readonly name: string
  readonly files: Readonly<Record<string, string>>
  readonly runtime?: Runtime
  readonly memorySizeMb: number
  readonly timeoutSeconds: number
  /** What it answers each time; an error is Lambda's. */
  readonly answer: (requestId: string) => LambdaError | string
}

export interface LambdaError {
  readonly errorType: string
  readonly errorMessage: string
}

/** Lambda: the size that a package must be smaller than once unpacked. */
export const unzippedMaxBytes = 262_144_000

/** A whole core, so that its share of the processor does not spare the others what it does. */
const wholeCoreMb = 1769

const exitError =
  (errorType: string, reason: string): BadFunction['answer'] =>
  (requestId) => ({ errorType, errorMessage: `RequestId: ${requestId} Error: ${reason}` })

const handler = (body: string) => ({ 'index.js': `exports.handler = async () => { ${body} }` })

/** `sink` is the `host:port` of who takes connections and closes none. */
export function badFunctions(sink: string): readonly BadFunction[] {
  const small = { memorySizeMb: 128, timeoutSeconds: 60 }
  const whole = { memorySizeMb: wholeCoreMb, timeoutSeconds: 60 }
  // Of 10,000 sockets an environment gets 1,024, whatever the process has; those it leaves open.
  const noSocket = () => ({
    errorType: 'Error',
    errorMessage: `connect EMFILE ${sink} - Local (undefined:undefined)`,
  })
  return [
    {
      name: 'loop',
      files: handler('for (;;) {}'),
      memorySizeMb: wholeCoreMb,
      timeoutSeconds: 1,
      answer: exitError('Sandbox.Timedout', 'Task timed out after 1.00 seconds'),
    },
    {
      name: 'heap',
      files: handler('const all = []; for (let i = 0.5; ; i++) all.push(new Array(1e5).fill(i))'),
      ...small,
      answer: exitError('Runtime.ExitError', 'Runtime exited with error: signal: aborted'),
    },
    {
      name: 'buffers',
      files: handler('const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))'),
      ...small,
      answer: exitError('Runtime.OutOfMemory', 'Runtime exited with error: signal: killed'),
    },
    {
      name: 'flood',
      files: handler(
        "for (let i = 0; i < 1e5; i++) console.log(i, 'x'.repeat(80)); return 'flooded'",
      ),
      ...whole,
      answer: () => 'flooded',
    },
    {
      name: 'sockets',
      files: { 'index.js': `exports.handler = ${openSockets(sink)}` },
      ...whole,
      answer: noSocket,
    },
    {
      name: 'process-sockets',
      runtime: 'provided.al2023',
      files: nodeHandler(openSockets(sink)),
      ...whole,
      answer: noSocket,
    },
    {
      name: 'exit',
      files: handler('process.exit(3)'),
      ...small,
      answer: exitError('Runtime.ExitError', 'Runtime exited with error: exit status 3'),
    },
    {
      name: 'abort',
      runtime: 'provided.al2023',
      files: nodeHandler('() => process.abort()'),
      ...whole,
      answer: exitError('Runtime.ExitError', 'Runtime exited with error: signal: aborted'),
    },
  ]
}

/** JavaScript for a handler that tries to open 10,000 and closes none. */
function openSockets(sink: string): string {
  const [host, port] = sink.split(':')
  return `async () => {
    globalThis.all ??= []
    for (let i = 0; i < 10_000; i++) {
      await new Promise((resolve, reject) => {
        const socket = require('node:net').connect(${port}, '${host}')
        globalThis.all.push(socket.once('connect', resolve).on('error', reject))
      })
    }
    return 'opened'
  }`
}

/** Answers with its name and twice what it is given. */
export const goodFiles = {
  'index.js': 'exports.handler = async ({ n }) => [process.env.AWS_LAMBDA_FUNCTION_NAME, 2 * n]',
}

/** A package of exactly so many bytes once unpacked, and a few hundred KB before. Its handler says how large it is. */
export function packageOf(sizeBytes: number): Promise<Buffer> {
  const index = `const fs = require('node:fs')
exports.handler = async () =>
  ['index.js', 'zeros'].reduce((sum, name) => sum + fs.statSync(__dirname + '/' + name).size, 0)`
  return zipOf(
    { name: 'index.js', content: index },
    { name: 'zeros', content: Buffer.alloc(sizeBytes - index.length) },
  )
}
