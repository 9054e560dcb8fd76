// Makes /tmp a thread's own for what goes through node:fs: another directory, of bounded size; and /opt what its layers have.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { replace } from './replace.ts'
import { bytesOfWrite, TmpQuota } from './tmp-quota.ts'

export interface PrivateTmpOptions {
  /** What /tmp stands for. */
  readonly directory: string
  readonly maxBytes: number
  /** Directories that are meant as they are called, also below /tmp: the function's code, the platform's. */
  readonly shared: readonly string[]
  /** What /opt stands for; itself unless given. */
  readonly opt?: string | undefined
}

/** Functions of node:fs by how many paths they begin with; most of them exist with `Sync` and as promises too. */
const functionsByPaths = {
  1: `access appendFile chmod chown createReadStream createWriteStream exists glob lchmod lchown lstat lutimes mkdir
    mkdtemp mkdtempDisposable open openAsBlob opendir readdir readFile readlink realpath rm rmdir stat statfs truncate
    unlink unwatchFile utimes watch watchFile writeFile`,
  2: 'copyFile cp link rename symlink',
} as const

const { existsSync } = fs

/** Affects this thread alone. Returns the bound, which wants to be told when an event begins. */
export function makeTmpPrivate(options: PrivateTmpOptions): TmpQuota {
  const { directory, maxBytes, opt } = options
  const quota = new TmpQuota(directory, maxBytes)
  const shared = [directory, ...options.shared].map((each) => resolve(each))
  const redirect = (path: unknown): unknown => {
    const text = textOf(path)
    if (text === undefined) return path
    const real = resolve(text)
    if (opt !== undefined && isWithin(real, '/opt')) return opt + real.slice('/opt'.length)
    const isRedirected = isWithin(real, '/tmp') && !shared.some((each) => isWithin(real, each))
    return isRedirected ? directory + real.slice('/tmp'.length) : path
  }
  for (const [count, names] of Object.entries(functionsByPaths)) {
    for (const name of names.split(/\s+/)) {
      for (const variant of [name, `${name}Sync`]) wrapPaths(fs, variant, Number(count), redirect)
      wrapPaths(fs.promises, name, Number(count), redirect)
    }
  }
  boundWrites(quota, (path) => isWithin(resolve(textOf(redirect(path)) ?? '/'), directory))
  syncBuiltinESMExports()
  return quota
}

/** Directories below /tmp that exist and that a function's variables name: somebody shares them on purpose. */
export function namedDirectories(
  variables: Readonly<Record<string, string | undefined>>,
): string[] {
  return Object.values(variables).flatMap((value) => {
    let directory = value?.startsWith('/tmp/') === true ? resolve(value) : '/'
    while (isWithin(directory, '/tmp') && !existsSync(directory)) directory = dirname(directory)
    return isWithin(directory, '/tmp') && directory !== '/tmp' ? [directory] : []
  })
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}

/** Undefined for what cannot be below /tmp or /opt: descriptors, handles, other paths. */
function textOf(path: unknown): string | undefined {
  const text =
    path instanceof URL && path.protocol === 'file:'
      ? fileURLToPath(path)
      : Buffer.isBuffer(path)
        ? path.toString()
        : path
  if (typeof text !== 'string') return undefined
  return text.includes('tmp') || text.includes('opt') ? text : undefined
}

function wrapPaths(
  target: object,
  name: string,
  paths: number,
  redirect: (path: unknown) => unknown,
): void {
  replace(
    target,
    name,
    (original) =>
      function (this: unknown, ...args: unknown[]) {
        for (let i = 0; i < paths; i++) args[i] = redirect(args[i])
        return Reflect.apply(original, this, args)
      },
  )
}

/** Writes of whole files, and to descriptors that were opened below the directory. */
function boundWrites(quota: TmpQuota, isPrivate: (path: unknown) => boolean): void {
  const descriptors = new Set<unknown>()
  const isBound = (file: unknown): boolean => descriptors.has(file) || isPrivate(file)
  for (const name of ['writeFile', 'appendFile', 'write', 'writev']) {
    replace(fs, `${name}Sync`, (original) => (file, data, ...rest) => {
      if (isBound(file)) quota.take(bytesOfWrite(data, rest), 'write')
      return Reflect.apply(original, fs, [file, data, ...rest])
    })
    replace(fs, name, (original) => (file, data, ...rest) => {
      const callback = rest.at(-1)
      const refused = isBound(file) ? refusal(quota, bytesOfWrite(data, rest)) : undefined
      if (refused === undefined || typeof callback !== 'function') {
        return Reflect.apply(original, fs, [file, data, ...rest])
      }
      process.nextTick(() => Reflect.apply(callback, undefined, [refused]))
      return undefined
    })
    replace(fs.promises, name, (original) => async (file, data, ...rest) => {
      if (isPrivate(file)) quota.take(bytesOfWrite(data, rest), 'write')
      return Reflect.apply(original, fs.promises, [file, data, ...rest])
    })
  }
  followDescriptors(descriptors, quota, isPrivate)
}

function refusal(quota: TmpQuota, bytes: number): Error | undefined {
  try {
    quota.take(bytes, 'write')
    return undefined
  } catch (error) {
    return error as Error
  }
}

function followDescriptors(
  descriptors: Set<unknown>,
  quota: TmpQuota,
  isPrivate: (path: unknown) => boolean,
): void {
  replace(fs, 'openSync', (original) => (path, ...rest) => {
    const descriptor = Reflect.apply(original, fs, [path, ...rest])
    if (isPrivate(path)) descriptors.add(descriptor)
    return descriptor
  })
  replace(fs, 'open', (original) => (path, ...rest) => {
    const callback = rest.pop()
    if (typeof callback !== 'function')
      return Reflect.apply(original, fs, [path, ...rest, callback])
    return Reflect.apply(original, fs, [
      path,
      ...rest,
      (error: unknown, descriptor: unknown) => {
        if (error === null && isPrivate(path)) descriptors.add(descriptor)
        Reflect.apply(callback, undefined, [error, descriptor])
      },
    ])
  })
  replace(fs.promises, 'open', (original) => async (path, ...rest) => {
    const handle = (await Reflect.apply(original, fs.promises, [path, ...rest])) as object
    if (isPrivate(path)) boundHandle(handle, quota)
    return handle
  })
  for (const name of ['close', 'closeSync']) {
    replace(fs, name, (original) => (descriptor, ...rest) => {
      descriptors.delete(descriptor)
      return Reflect.apply(original, fs, [descriptor, ...rest])
    })
  }
}

/** Its streams write through these as well. */
function boundHandle(handle: object, quota: TmpQuota): void {
  for (const name of ['write', 'writev', 'writeFile', 'appendFile']) {
    replace(handle, name, (original) => async (data, ...rest) => {
      quota.take(bytesOfWrite(data, rest), 'write')
      return Reflect.apply(original, handle, [data, ...rest])
    })
  }
}
