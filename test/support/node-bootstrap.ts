// A runtime in Node for functions of provided runtimes: a `bootstrap` that speaks the Runtime API as asked.

/**
 * Files of a function: `body` is JavaScript with `call(method, path, body, headers)`, which resolves with
 * `{status, headers, body}`, `sleep(ms)` and `serve(handler)`, which answers events for ever.
 */
export function nodeBootstrap(body: string): { readonly bootstrap: string } {
  return { bootstrap: `${prelude}\n(async () => {\n${body}\n})()\n` }
}

/** The same for a handler alone. */
export function nodeHandler(handler: string): { readonly bootstrap: string } {
  return nodeBootstrap(`await serve(${handler})`)
}

const prelude = `#!/usr/bin/env node
const http = require('node:http')
const fs = require('node:fs')
const child_process = require('node:child_process')
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new http.Agent({ keepAlive: true })
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
function call(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method, path: '/2018-06-01/runtime/' + path, headers }
    const request = http.request(options, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }))
    })
    request.on('error', reject)
    request.end(body)
  })
}
async function serve(handler) {
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next')
    const path = 'invocation/' + headers['lambda-runtime-aws-request-id']
    try {
      const result = await handler(JSON.parse(body), headers)
      await call('POST', path + '/response', JSON.stringify(result ?? null))
    } catch (error) {
      const { name: errorType, message: errorMessage } = error
      await call('POST', path + '/error', JSON.stringify({ errorType, errorMessage }))
    }
  }
}`
