// Runs handlers in the Pythons of this machine, and holds what comes back against Lambda's own runtime.
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
  type FilterLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs'
import {
  CreateEventSourceMappingCommand,
  InvokeCommand,
  type Runtime,
} from '@aws-sdk/client-lambda'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import type { FunctionRecord } from '../../control/registry/registry.ts'
import { RuntimeSearch } from '../../workers/process/runtime-search.ts'
import { eventually } from '../support/eventually.ts'
import { createFunction, lambdaClient, readRecorded } from '../support/lambda.ts'
import { functionRecord } from '../support/memory-registry.ts'
import { startPlatform } from '../support/platform.ts'
import { completed, startInvoker, tailOf, valueOf } from '../support/worker-threads.ts'

const search = new RuntimeSearch(systemClock)
const versions: string[] = []
for (const minor of [9, 10, 11, 12, 13, 14]) {
  const runtime = `python3.${minor}`
  if ((await search.find(runtime, '/')).kind === 'found') versions.push(runtime)
}
const [newest] = versions.slice(-1)
if (newest === undefined) throw new Error('no Python from 3.9 on: run "make test-peers"')

let workers: ReturnType<typeof startInvoker>
afterEach(() => workers.stop())

const deploy = (
  files: string | Readonly<Record<string, string>>,
  changes: Partial<FunctionRecord> = {},
) =>
  workers.deploy('f', typeof files === 'string' ? { 'app.py': files } : files, {
    runtime: newest,
    handler: 'app.handler',
    timeoutSeconds: 30,
    ...changes,
  })

async function failure(source: string | Readonly<Record<string, string>>, handler = 'app.handler') {
  workers = startInvoker()
  const folder = await deploy(source, { handler })
  const result = completed(await workers.invoke('f', {}, true))
  expect(result.functionError).toBe('Unhandled')
  return {
    ...folder,
    result,
    error: valueOf(result) as Record<string, unknown>,
    tail: tailOf(result),
  }
}

test.each(versions)(
  '%s runs a handler, cold and warm, with the context of Lambda',
  async (runtime) => {
    workers = startInvoker()
    await deploy(
      `import sys, os
count = 0
def handler(event, context):
    global count
    count += 1
    return {
        "event": event, "count": count, "python": "%d.%d" % sys.version_info[:2],
        "name": context.function_name, "version": context.function_version,
        "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
        "id": context.aws_request_id, "group": context.log_group_name,
        "stream": context.log_stream_name == os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        "left": context.get_remaining_time_in_millis(), "client": context.client_context,
        "identity": context.identity.cognito_identity_id, "path": sys.path[0], "cwd": os.getcwd(),
        "execution": os.environ["AWS_EXECUTION_ENV"], "trace": os.environ["_X_AMZN_TRACE_ID"][:7],
    }`,
      { runtime },
    )
    const first = await workers.invoke('f', { name: 'Zoë ☃', n: [1, 2.5, null, true] })
    const value = valueOf(first) as Record<string, unknown>
    expect(value).toMatchObject({
      event: { name: 'Zoë ☃', n: [1, 2.5, null, true] },
      count: 1,
      python: runtime.slice('python'.length),
      name: 'f',
      version: '$LATEST',
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
      memory: '128',
      id: completed(first).requestId,
      group: '/aws/lambda/f',
      stream: true,
      client: null,
      identity: null,
      path: value['cwd'],
      execution: `AWS_Lambda_${runtime}`,
      trace: 'Root=1-',
    })
    expect(value['left']).toBeGreaterThan(29_000)
    expect(value['left']).toBeLessThanOrEqual(30_000)
    expect(valueOf(await workers.invoke('f'))).toMatchObject({ count: 2 })
  },
)

test.each(versions)('%s logs as on Lambda', async (runtime) => {
  workers = startInvoker()
  await deploy(
    `import logging
print("at import")
def handler(event, context):
    print("plain ☃")
    logging.getLogger().info("not seen")
    logging.warning("careful")
    logging.getLogger("deep.down").error("two\\nlines")
    logging.getLogger().setLevel("INFO")
    logging.info("seen")`,
    { runtime },
  )
  const result = await workers.invoke('f', {}, true)
  expect(completed(result).payload).toBe('null')
  const { requestId } = completed(result)
  const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z'
  expect(tailOf(result)).toMatch(
    new RegExp(
      `^at import\\nSTART [^\\n]*\\nplain ☃\\n\\[WARNING\\]\\t${time}\\t${requestId}\\tcareful\\n` +
        `\\[ERROR\\]\\t${time}\\t${requestId}\\ttwo\\nlines\\n\\[INFO\\]\\t${time}\\t${requestId}\\tseen\\nEND `,
    ),
  )
})

test('with JSON as its format the log has records as on Lambda', async () => {
  workers = startInvoker()
  await deploy(
    `import logging
def handler(event, context):
    logging.debug("not seen")
    logging.getLogger("deep").info("seen ☃", extra={"order": {"n": 1}, "level": "mine", "none": None})
    logging.log(35, "between")
    try:
        raise KeyError("gear")
    except KeyError:
        logging.exception("caught")
    try:
        logging.warning("no JSON", extra={"set": {1}})
    except TypeError as error:
        raise ValueError("no") from error`,
    { logging: { format: 'JSON' } },
  )
  const result = await workers.invoke('f', {}, true)
  const { requestId } = completed(result)
  const records = tailOf(result)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const day = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d'
  const timestamp = expect.stringMatching(`${day}\\.\\d{3}Z$`) as string
  const common = { timestamp, requestId }
  expect(records.filter(({ level }) => level !== undefined)).toEqual([
    { ...common, level: 'INFO', message: 'seen ☃', logger: 'deep', order: { n: 1 } },
    { ...common, level: 'WARNING', message: 'between', logger: 'root' },
    {
      ...common,
      level: 'ERROR',
      message: 'caught',
      logger: 'root',
      stackTrace: [expect.stringContaining('in handler') as string],
      errorType: 'KeyError',
      errorMessage: "'gear'",
      location: expect.stringMatching(/app\.py:handler:9$/) as string,
    },
    {
      timestamp: expect.stringMatching(`${day}Z$`) as string,
      level: 'ERROR',
      errorMessage: 'no',
      errorType: 'ValueError',
      requestId,
      stackTrace: [expect.stringContaining('in handler') as string],
    },
  ])
})

test('packages of layers are found behind the function’s own', async () => {
  workers = startInvoker()
  const opt = await mkdtemp(join(tmpdir(), 'millrace-opt-'))
  const packages = join(opt, 'python', 'lib', newest, 'site-packages')
  await mkdir(packages, { recursive: true })
  await writeFile(join(packages, 'exact.py'), 'name = "exact"')
  await writeFile(join(opt, 'python', 'exact.py'), 'name = "any"')
  await writeFile(join(opt, 'python', 'common.py'), 'name = "common"')
  await writeFile(join(opt, 'python', 'mine.py'), 'name = "of the layer"')
  await deploy(
    {
      'app.py': `import common, exact, mine, json, os
def handler(event, context):
    return [common.name, exact.name, mine.name, os.environ["LAMBDA_OPT_ROOT"], json.__name__]`,
      'mine.py': 'name = "mine"',
    },
    { layers: { versions: [], directory: opt, sha256: '' } },
  )
  const result = await workers.invoke('f')
  await rm(opt, { recursive: true })
  expect(valueOf(result)).toEqual(['common', 'exact', 'mine', opt, 'json'])
})

test.each(versions)('%s gives exceptions their type, message and frames', async (runtime) => {
  workers = startInvoker()
  const { directory } = await deploy(
    `class NoSuchGear(ValueError): pass
def inner():
    raise NoSuchGear("gear ☃")
def handler(event, context):
    inner()`,
    { runtime },
  )
  const result = completed(await workers.invoke('f', {}, true))
  const error = valueOf(result) as { stackTrace: string[] }
  expect(error).toEqual({
    errorMessage: 'gear ☃',
    errorType: 'NoSuchGear',
    requestId: result.requestId,
    stackTrace: [expect.any(String), expect.any(String)] as string[],
  })
  expect(error.stackTrace[0]).toMatch(
    new RegExp(`^  File "${directory}/app.py", line 5, in handler\\n    inner\\(\\)\\n`),
  )
  expect(error.stackTrace[1]).toContain('line 3, in inner\n    raise NoSuchGear("gear ☃")\n')
  expect(tailOf(result)).toContain(
    '[ERROR] NoSuchGear: gear ☃\nTraceback (most recent call last):\n\u00a0\u00a0File "',
  )
})

test('a module that is missing, or misses another, is an ImportModuleError', async () => {
  const { error, tail } = await failure('import no_such_thing')
  expect(error).toMatchObject({
    errorType: 'Runtime.ImportModuleError',
    errorMessage: "Unable to import module 'app': No module named 'no_such_thing'",
    requestId: '',
    stackTrace: [],
  })
  expect(tail).toContain(
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'no_such_thing'\n",
  )
  await workers.stop()
  const missing = await failure('', 'nothing.handler')
  expect(missing.error).toMatchObject({
    errorMessage: "Unable to import module 'nothing': No module named 'nothing'",
  })
})

test.each([
  [
    'app.handler',
    'def other(e, c): pass',
    'Runtime.HandlerNotFound',
    "Handler 'handler' missing on module 'app'",
  ],
  [
    'app',
    '',
    'Runtime.MalformedHandlerName',
    "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
  ],
  [
    'sys.handler',
    '',
    'Runtime.BuiltInModuleConflict',
    'Cannot use built-in module sys as a handler module',
  ],
  ['app.handler', 'raise KeyError("table")', 'KeyError', "'table'"],
])('the handler %s of %j is a %s', async (handler, source, errorType, errorMessage) => {
  expect((await failure(source, handler)).error).toMatchObject({ errorType, errorMessage })
})

test('code that Python cannot read is a UserCodeSyntaxError with its place', async () => {
  const { error, directory } = await failure('def handler(event, context):\n    return (')
  expect(error).toMatchObject({ errorType: 'Runtime.UserCodeSyntaxError' })
  expect(error['errorMessage']).toMatch(/^Syntax error in module 'app': .*\(app\.py, line 2\)$/)
  expect(error['stackTrace']).toEqual([
    expect.stringContaining(`  File "${directory}/app.py" Line 2\n`) as string,
  ])
})

test.each([
  [
    'return {1, 2}',
    'Runtime.MarshalError',
    'Unable to marshal response: Object of type set is not JSON serializable',
  ],
  [
    'return open',
    'Runtime.MarshalError',
    'Unable to marshal response: Object of type builtin_function_or_method is not JSON serializable',
  ],
  [
    'return {"a": b"bytes"}',
    'Runtime.MarshalError',
    'Unable to marshal response: Object of type bytes is not JSON serializable',
  ],
])('%s is a %s', async (body, errorType, errorMessage) => {
  const { error } = await failure(`def handler(event, context):\n    ${body}`)
  expect(error).toMatchObject({ errorType, errorMessage })
})

test.each([
  ['import sys; sys.exit(3)', 'Runtime exited with error: exit status 3'],
  ['import sys; sys.exit(0)', 'Runtime exited without providing a reason'],
  ['import os; os._exit(7)', 'Runtime exited with error: exit status 7'],
  ['import os; os.abort()', 'Runtime exited with error: signal: aborted'],
  ['import ctypes; ctypes.string_at(0)', 'Runtime exited with error: signal: segmentation fault'],
])('%s in a handler ends the process in Lambda’s words', async (body, reason) => {
  const { error, result } = await failure(`def handler(event, context):\n    ${body}`)
  expect(error).toEqual({
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${result.requestId} Error: ${reason}`,
  })
})

test('an endless loop times out, too much memory is killed, and the next event is served', async () => {
  workers = startInvoker()
  await deploy(
    `def handler(event, context):
    if event.get("loop"):
        print("here")
        while True: pass
    all = []
    while event.get("eat"): all.append("x" * 1000000 + str(len(all)))
    return "fine"`,
    { timeoutSeconds: 2 },
  )
  const late = completed(await workers.invoke('f', { loop: true }, true))
  expect(valueOf(late)).toMatchObject({ errorType: 'Sandbox.Timedout' })
  expect(tailOf(late)).toContain('\nhere\n')
  const hungry = completed(await workers.invoke('f', { eat: true }))
  expect(valueOf(hungry)).toEqual({
    errorType: 'Runtime.OutOfMemory',
    errorMessage: `RequestId: ${hungry.requestId} Error: Runtime exited with error: signal: killed`,
  })
  expect(valueOf(await workers.invoke('f'))).toBe('fine')
})

test('what forked processes share counts once', async () => {
  workers = startInvoker()
  await deploy(
    `import os, time
kept = bytearray(os.urandom(1)) * 70000000
def handler(event, context):
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            time.sleep(0.6)
            os._exit(0)
        children.append(pid)
    return [os.waitpid(pid, 0)[1] for pid in children]`,
    { memorySizeMb: 128 },
  )
  const result = await workers.invoke('f', {}, true)
  expect(valueOf(result)).toEqual([0, 0, 0, 0])
  expect(Number(/Max Memory Used: (\d+) MB/.exec(tailOf(result))?.[1])).toBeGreaterThan(70)
})

test('results keep their characters, their digits and their bytes', async () => {
  workers = startInvoker()
  await deploy(
    `from decimal import Decimal
def handler(event, context):
    return {"raw": b'{"of":"bytes"}', "digits": {"d": Decimal("1.10000000000000000000001"), "z": [Decimal("2")]},
        "half": "\\ud83d", "big": 2 ** 70, "text": "Zoë ☃ 😀 \\u0000"}[event["what"]]`,
  )
  const payload = async (what: string): Promise<string> =>
    completed(await workers.invoke('f', { what })).payload
  expect(await payload('raw')).toBe('{"of":"bytes"}')
  expect(await payload('digits')).toBe('{"d": 1.10000000000000000000001, "z": [2]}')
  expect(JSON.parse(await payload('half'))).toBe('\ud83d')
  expect(await payload('big')).toBe('1180591620717411303424')
  expect(JSON.parse(await payload('text'))).toBe('Zoë ☃ 😀 \u0000')
})

test('modules in folders are found by dots and by slashes', async () => {
  workers = startInvoker()
  const files = {
    'src/deep/main.py': 'from src.helper import name\ndef run(event, context): return name',
    'src/helper.py': 'name = "helper"',
  }
  for (const handler of ['src.deep.main.run', 'src/deep/main.run']) {
    await deploy(files, { handler, revisionId: handler })
    expect(valueOf(await workers.invoke('f'))).toBe('helper')
  }
})

test('a client context becomes an object as on Lambda', async () => {
  workers = startInvoker()
  await deploy(`def handler(event, context):
    c = context.client_context
    return [c.custom, c.env, c.client.installation_id, c.client.app_title]`)
  const context = { client: { installation_id: 'ä1' }, custom: { a: 1 }, other: 2 }
  const clientContext = Buffer.from(JSON.stringify(context)).toString('base64')
  const result = await workers.invoker.invoke({ functionName: 'f', payload: '{}', clientContext })
  expect(valueOf(result)).toEqual([{ a: 1 }, null, 'ä1', null])
})

test('a payload as large as one may be goes in and comes out; more does not', async () => {
  workers = startInvoker()
  await deploy('def handler(event, context): return event * 2 if len(event) < 4000000 else event', {
    memorySizeMb: 512,
  })
  const large = 'x'.repeat(6_291_500)
  expect(valueOf(await workers.invoke('f', large))).toBe(large)
  expect(valueOf(await workers.invoke('f', 'x'.repeat(3_500_000)))).toEqual({
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
  })
  expect(valueOf(await workers.invoke('f', 'y'))).toBe('yy')
})

test('nothing is written beside the code, so that it does not count as changed', async () => {
  workers = startInvoker()
  const folder = await deploy({
    'app.py': 'import other\ndef handler(e, c): return 1',
    'other.py': '',
  })
  await workers.invoke('f')
  expect(execFileSync('ls', [folder.directory]).toString()).toBe('app.py\nother.py\n')
})

test('a Python that is not there is refused with what to install and what there is', async () => {
  workers = startInvoker()
  await deploy('', { runtime: 'python3.15' })
  expect(await workers.invoke('f')).toMatchObject({
    outcome: 'refused',
    code: 'ServiceException',
    message:
      'python3.15 is not on this machine: install it (apt install python3.15, pyenv install 3.15 or ' +
      `uv python install 3.15), or choose ${versions.join(' or ')}`,
  })
})

test('the examples run: a handler in Python, and a runtime in a shell script', async () => {
  workers = startInvoker()
  const code = (name: string) =>
    ({ kind: 'hot-reload', directory: resolve('examples/languages', name) }) as const
  await deploy('', { code: code('python') })
  await workers.registry.putFunction(
    functionRecord('shell', '', {
      code: code('shell'),
      runtime: 'provided.al2023',
      timeoutSeconds: 30,
    }),
  )
  const value = Buffer.from('{"name":"mill"}').toString('base64')
  const event = { records: { 'greetings-0': [{ value }] } }
  for (const seen of [1, 2]) {
    const result = await workers.invoke('f', event, true)
    expect(valueOf(result)).toEqual({ names: ['mill'] })
    expect(tailOf(result)).toContain(`\t1 greetings, ${seen} by this environment\n`)
    const characters = JSON.stringify(event).length
    const shell = await workers.invoke('shell', event, true)
    expect(valueOf(shell)).toEqual({ characters })
    expect(tailOf(shell)).toContain(`\nevent of ${characters} characters\nEND`)
  }
})

test('a traceback and a message of several lines are one event each, and what is printed is one a line', async () => {
  workers = startInvoker()
  const platform = await startPlatform()
  const lambda = lambdaClient(platform)
  const logs = new CloudWatchLogsClient({
    endpoint: platform.aws,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  })
  try {
    await createFunction(lambda, {
      name: 'liner',
      runtime: newest as Runtime,
      handler: 'app.handler',
      files: {
        'app.py': `import logging, sys
def handler(event, context):
    print("a\\nb")
    sys.stdout.write("begun")
    logging.warning("c\\n  ☃")
    logging.warning("☃" * 50_000 + "\\ntoo long to stay together")
    raise ValueError("d\\ne")`,
      },
    })
    await lambda.send(new InvokeCommand({ FunctionName: 'liner' }))
    const messages = await eventually(
      async () => {
        const { events = [] } = await writtenTo(logs, '/aws/lambda/liner')
        const texts = events.map(({ message = '' }) => message)
        return texts.some((text) => text.startsWith('REPORT')) ? texts : undefined
      },
      () => 'the report',
    )
    const own = messages.filter((text) => !/^(INIT_)?(START|END|REPORT)/.test(text))
    expect(own).toEqual([
      'a',
      'b',
      'begun',
      expect.stringMatching(/^\[WARNING\]\t[^\t]+\t[^\t]+\tc\n {2}☃$/),
      expect.stringMatching(/^\[WARNING\]\t[^\t]+\t[^\t]+\t☃{50000}$/),
      'too long to stay together',
      expect.stringMatching(
        /^\[ERROR\] ValueError: d\ne\nTraceback \(most recent call last\):\n\u00a0\u00a0File ".*app.py", line 7, in handler\n\u00a0{4}raise ValueError/,
      ),
    ])
  } finally {
    lambda.destroy()
    logs.destroy()
    await platform.stop()
  }
})

/** The group comes with its first line, a moment after the answer. */
async function writtenTo(
  logs: CloudWatchLogsClient,
  logGroupName: string,
): Promise<FilterLogEventsCommandOutput> {
  try {
    return await logs.send(new FilterLogEventsCommand({ logGroupName }))
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return { $metadata: {} }
    throw error
  }
}

test('a mapping feeds a function in Python', async () => {
  workers = startInvoker()
  const platform = await startPlatform()
  const client = lambdaClient(platform)
  const scratch = await mkdtemp(join(tmpdir(), 'millrace-python-'))
  try {
    const out = join(scratch, 'out')
    await createFunction(client, {
      name: 'python',
      runtime: newest as Runtime,
      handler: 'app.handler',
      files: {
        'app.py': `import base64, json, os
def handler(event, context):
    with open(os.environ["OUT"], "a") as out:
        for record in sum(event["records"].values(), []):
            out.write(json.dumps({"value": base64.b64decode(record["value"]).decode()}) + "\\n")`,
      },
      environment: { OUT: out },
    })
    await client.send(
      new CreateEventSourceMappingCommand({
        FunctionName: 'python',
        SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: [platform.kafka] } },
        Topics: ['numbers'],
        StartingPosition: 'TRIM_HORIZON',
      }),
    )
    const producer = new Kafka({ brokers: [platform.kafka], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const values = Array.from({ length: 500 }, (_, i) => `number ☃ ${i}`)
    await producer.send({ topic: 'numbers', messages: values.map((value) => ({ value })) })
    await producer.disconnect()
    const handled = await eventually(
      async () => {
        const lines = await readRecorded(out)
        return lines.length >= values.length ? lines.map(({ value }) => value) : undefined
      },
      () => `all records to be handled\n${platform.log().slice(-3000)}`,
    )
    expect([...handled].sort()).toEqual([...values].sort())
  } finally {
    client.destroy()
    await platform.stop()
    await rm(scratch, { recursive: true, force: true })
  }
})
