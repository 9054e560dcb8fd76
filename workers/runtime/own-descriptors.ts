// Keeps a handler to the descriptors that it has opened: they are numbers of the whole process, the platform's files among them.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { replace } from './replace.ts'

/** Functions of node:fs whose first argument may be a descriptor; each exists with `Sync` too. */
const names =
  `appendFile close fchmod fchown fdatasync fstat fsync ftruncate futimes read readFile readv write writeFile
  writev`.split(/\s+/)

/** The standard streams, which are looked after elsewhere. */
const standard = [0, 1, 2]

/**
 * A descriptor that is closed twice, or a number that was made up, is EBADF, as it would be in a process of the
 * handler's own. Affects this thread alone; to be called when all else that changes node:fs has.
 */
export function keepToOwnDescriptors(): void {
  const own = new Set(standard)
  const isForeign = (file: unknown): boolean => typeof file === 'number' && !own.has(file)
  // Before it is closed: the platform may have the number at once.
  const closing = (name: string, file: unknown): void => {
    if (name === 'close' && typeof file === 'number' && !standard.includes(file)) own.delete(file)
  }
  for (const name of names) {
    replace(fs, `${name}Sync`, (original) => (file, ...rest) => {
      if (isForeign(file)) throw badDescriptor(name)
      closing(name, file)
      return Reflect.apply(original, fs, [file, ...rest])
    })
    replace(fs, name, (original) => (file, ...rest) => {
      const callback = rest.at(-1)
      if (isForeign(file)) {
        if (typeof callback !== 'function') throw badDescriptor(name)
        process.nextTick(() => Reflect.apply(callback, undefined, [badDescriptor(name)]))
        return undefined
      }
      closing(name, file)
      return Reflect.apply(original, fs, [file, ...rest])
    })
  }
  followOpened(own)
  syncBuiltinESMExports()
}

function followOpened(own: Set<number>): void {
  replace(fs, 'openSync', (original) => (...args) => {
    const descriptor = Reflect.apply(original, fs, args) as number
    own.add(descriptor)
    return descriptor
  })
  replace(fs, 'open', (original) => (...args) => {
    const callback = args.pop()
    if (typeof callback !== 'function') return Reflect.apply(original, fs, [...args, callback])
    const opened = (error: unknown, descriptor: number): void => {
      if (error === null) own.add(descriptor)
      Reflect.apply(callback, undefined, [error, descriptor])
    }
    return Reflect.apply(original, fs, [...args, opened])
  })
  replace(fs.promises, 'open', (original) => async (...args) => {
    const handle = (await Reflect.apply(original, fs.promises, args)) as fs.promises.FileHandle
    const { fd } = handle
    own.add(fd)
    replace(handle, 'close', (close) => () => {
      own.delete(fd)
      return Reflect.apply(close, handle, [])
    })
    return handle
  })
}

/** As Node says it. */
function badDescriptor(syscall: string): Error {
  const error = new Error(`EBADF: bad file descriptor, ${syscall}`)
  return Object.assign(error, { errno: -9, code: 'EBADF', syscall })
}
