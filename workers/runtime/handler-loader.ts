// Finds and loads the function that a handler string names, in Lambda's order of file types.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { RuntimeError } from './runtime-errors.ts'

export type Handler = (event: unknown, context: unknown, callback: unknown) => unknown

/** `lib/index.nested.handler` → directory `lib/`, module `index`, path `nested.handler`. */
export function parseHandler(handler: string): { directory: string; module: string; path: string } {
  if (handler.includes('..')) {
    throw new RuntimeError(
      'MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    )
  }
  const name = basename(handler)
  const dot = name.indexOf('.')
  if (dot < 0) throw new RuntimeError('MalformedHandlerName', 'Bad handler')
  return {
    directory: handler.slice(0, handler.length - name.length),
    module: name.slice(0, dot),
    path: name.slice(dot + 1),
  }
}

/** Runs the module's top level. Rejects with Lambda's error, or with what the module threw. */
export async function loadHandler(taskRoot: string, handler: string): Promise<Handler> {
  const { directory, module, path } = parseHandler(handler)
  const exported = property(await loadModule(taskRoot, directory, module), path)
  if (exported === undefined || exported === null) {
    throw new RuntimeError('HandlerNotFound', `${handler} is undefined or not exported`)
  }
  if (typeof exported !== 'function') {
    throw new RuntimeError('HandlerNotFound', `${handler} is not a function`)
  }
  return exported as Handler
}

async function loadModule(taskRoot: string, directory: string, module: string): Promise<unknown> {
  const file = resolve(taskRoot, directory.replace(/^\/+/, ''), module)
  const require = createRequire(join(taskRoot, 'handler'))
  try {
    const found = findFile(file)
    if (found === undefined) return require(require.resolve(module, { paths: [taskRoot] }))
    return found.loader === 'require'
      ? require(found.file)
      : await import(pathToFileURL(found.file).href)
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', error)
    if (codeOf(error) === 'MODULE_NOT_FOUND') throw new RuntimeError('ImportModuleError', error)
    throw error
  }
}

interface Found {
  readonly file: string
  readonly loader: 'require' | 'import'
}

// Lambda's runtime: the bare name, then these; .js and .ts follow the nearest package.json.
const extensions = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'] as const

function findFile(path: string): Found | undefined {
  for (const extension of extensions) {
    const file = path + extension
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) continue
    const isModule =
      extension === '.mjs' ||
      extension === '.mts' ||
      ((extension === '.js' || extension === '.ts') && isTypeModule(dirname(file)))
    return { file, loader: isModule ? 'import' : 'require' }
  }
  return undefined
}

function isTypeModule(folder: string): boolean {
  if (basename(folder) === 'node_modules') return false
  const file = join(folder, 'package.json')
  if (existsSync(file)) {
    const { type } = JSON.parse(readFileSync(file, 'utf8')) as { type?: unknown }
    return type === 'module'
  }
  const parent = dirname(folder)
  return parent !== folder && isTypeModule(parent)
}

function property(module: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => {
    if (at === undefined || at === null) return undefined
    return (at as Record<string, unknown>)[key]
  }, module)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
