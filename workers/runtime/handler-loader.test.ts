// Tests how a handler string is taken apart.
import { expect, test } from 'vitest'
import { parseHandler } from './handler-loader.ts'

test.each([
  ['index.handler', { directory: '', module: 'index', path: 'handler' }],
  ['lib/api/users.get', { directory: 'lib/api/', module: 'users', path: 'get' }],
  ['index.nested.deep.handler', { directory: '', module: 'index', path: 'nested.deep.handler' }],
  ['/opt/layer.handler', { directory: '/opt/', module: 'layer', path: 'handler' }],
])('%s names a directory, a module and a path of exports', (handler, parts) => {
  expect(parseHandler(handler)).toEqual(parts)
})

test.each(['handler', '../index.handler', 'a..b'])('%s is refused as malformed', (handler) => {
  expect(() => parseHandler(handler)).toThrow(
    expect.objectContaining({ name: 'Runtime.MalformedHandlerName' }),
  )
})
